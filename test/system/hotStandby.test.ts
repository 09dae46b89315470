import { describeHotStandby } from "../support/describeHotStandby";

describeHotStandby("bookworm", "briefly");
