import type { Want } from "./want";

/** The daemon that keeps this host's time, of which Debian lets there be one; its usual one goes without a question. */
export function timeDaemonWant(allowed: boolean): Want {
  return {
    want: "standIn",
    package: "chrony",
    usual: ["systemd-timesyncd"],
    others: ["ntp", "ntpsec", "openntpd"],
    allowed,
  };
}
