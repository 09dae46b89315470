import type { Want } from "./want";

/** What the program hands over for a firewall. */
export interface FirewallInputs {
  /** `name:eno2` or `mac:52:54:00:12:34:56`. */
  readonly interface: string;
  /** In words that hold for every manager: `allow in on eno2 udp 67`. */
  readonly rules: readonly string[];
  readonly allowDefaultRoute?: boolean;
}

/** Rules of ours in whatever manages node 0's firewall. */
export function planFirewall({ interface: nic, rules, allowDefaultRoute }: FirewallInputs): readonly Want[] {
  return [{ want: "firewall", interface: nic, rules, allowDefaultRoute: allowDefaultRoute ?? false }];
}
