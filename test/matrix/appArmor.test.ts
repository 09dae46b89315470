import { describeConfinement, describeKeaConfinement } from "../support/confinement.ts";

// bullseye's dhcpd comes without a profile, and bullseye without Kea.
for (const release of ["bookworm", "trixie"] as const) {
  describeConfinement(release);
  describeKeaConfinement(release);
}
