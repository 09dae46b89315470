#!/usr/bin/env node
import { renderError } from "../errors";
import { closeHosts } from "../ssh/pool";
import { runCommand } from "./commands";

async function run(): Promise<void> {
  try {
    process.exitCode = await runCommand(process.argv.slice(2));
  } catch (error) {
    console.error(renderError(error));
    process.exitCode = 2;
  }
  await closeHosts();
}

void run();
