import type { Lab } from "../../lab/index.mts";

/** What a Kea with a partner says of itself: `primary hot-standby ["192.168.1.1"]`; its role, its state, and whose machines it answers. */
export async function keaState({ node0 }: Pick<Lab, "node0">): Promise<string> {
  const ask =
    '$s = IO::Socket::UNIX->new("/run/kea/kea4-ctrl-socket") or exit; print $s q({"command": "status-get"}); shutdown $s, 1; print while <$s>';
  const { stdout } = await node0.run(`perl -MIO::Socket::UNIX -e '${ask}'`, { check: false });
  const [, role, scopes, state] =
    /"local": \{[^}]*"role": "([^"]*)", "scopes": \[ *([^\]]*?) *\],[^}]*"state": "([^"]*)"/.exec(stdout) ?? [];
  return `${role} ${state} [${scopes}]`;
}
