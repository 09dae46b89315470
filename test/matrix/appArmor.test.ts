import { describeConfinement } from "../support/confinement.ts";

// bullseye's dhcpd comes without a profile.
for (const release of ["bookworm", "trixie"] as const) describeConfinement(release);
