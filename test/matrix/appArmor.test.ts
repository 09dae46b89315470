import { describeConfinement } from "../support/confinement.ts";

// bookworm is in test/system; bullseye's dhcpd comes without a profile.
describeConfinement("trixie");
