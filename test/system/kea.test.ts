import { describeKea } from "../support/describeKea";

describeKea("bookworm");
