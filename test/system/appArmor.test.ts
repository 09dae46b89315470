import { describeConfinement } from "../support/confinement.ts";

// The next release is in test/matrix.
describeConfinement("bookworm");
