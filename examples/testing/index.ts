// A rack out of an inventory. What its machines will do is tested in rack.test.ts, without an engine.
import * as pulumi from "@pulumi/pulumi";
import inventory from "./inventory.json";
import { declareRack } from "./rack";

const config = new pulumi.Config();

const rack = declareRack({ host: config.require("host") }, inventory);

export const boots = rack.nextBoots;
