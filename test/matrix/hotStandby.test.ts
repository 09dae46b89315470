import { describeHotStandby } from "../support/describeHotStandby";

describeHotStandby("bookworm", "whole");
describeHotStandby("trixie", "whole");
