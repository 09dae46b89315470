import type { Kind } from "./kind";

/** What the program hands over for a firewall. */
export interface FirewallInputs {
  /** `name:eno2` or `mac:52:54:00:12:34:56`. */
  readonly interface: string;
  /** In words that hold for every manager: `allow in on eno2 udp 67`. */
  readonly rules: readonly string[];
  readonly allowDefaultRoute?: boolean;
}

/** Rules of ours in whatever manages node 0's firewall. */
export const firewall: Kind<FirewallInputs> = {
  inputKeys: ["interface", "rules", "allowDefaultRoute"],
  outputKeys: ["manager"],
  notEchoed: [],
  wants: ({ interface: nic, rules, allowDefaultRoute = false }) => [
    { want: "firewall", interface: nic, rules, allowDefaultRoute },
  ],
  isPart: true,
  live: ({ rules }, drift) => ({ rules: rules.filter((rule) => drift.every(({ what }) => what !== rule)) }),
};
