import { changeSituations } from "./changes";
import { cliSituations } from "./cli";
import { firewalls } from "./firewall";
import { inTheWay, served } from "./inTheWay";
import { notStarted } from "./login";
import { packages } from "./packages";
import { folder, proof } from "./proof";
import { sdkSituations } from "./sdk";
import type { Situation } from "./situation";
import { sshSituations } from "./ssh";
import { shared } from "./stacks";
import { twoNode0s } from "./twoNode0s";
import { warnings } from "./warnings";

/** All of them, by the golden file that they stand in. */
export const situations: Readonly<Record<string, readonly Situation[]>> = {
  "login.txt": notStarted,
  "interface.txt": served,
  "inTheWay.txt": inTheWay,
  "packages.txt": packages,
  "firewall.txt": firewalls,
  "stacks.txt": shared,
  "folder.txt": folder,
  "proof.txt": proof,
  "warnings.txt": warnings,
  "twoNode0s.txt": twoNode0s,
  ...sshSituations,
  ...cliSituations,
  ...changeSituations,
  ...sdkSituations,
};
