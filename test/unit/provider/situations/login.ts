import { type Echo, whyNotStarted } from "../../../../provider/conversation/notStarted";
import type { Situation } from "./situation";

const login = { name: "node0.example", user: "debian", isRoot: false };
const root = { ...login, user: "root", isRoot: true };
const started = (what: string, who: typeof login, code: number | undefined, words: string, echo?: Echo) => {
  const error = whyNotStarted(who, { code, words }, echo);
  return { what, said: error };
};

export const notStarted: readonly Situation[] = [
  started("no sudo", login, 127, "bash: line 1: sudo: command not found\n"),
  started("sudo asks for a password", login, 1, "sudo: a password is required\n"),
  started(
    "a cloud image that lets root in by name only",
    root,
    142,
    'Please login as the user "debian" rather than the user "root".\n',
    { came: false, words: "" },
  ),
  started("a login shell that runs another program", root, 0, "netboot: a shell reads this\n"),
  started("start files that run another shell", root, 0, "netboot: a shell reads this if 0\n"),
  started(
    "start files that begin a terminal",
    root,
    0,
    `welcome\r\n${["eval 'exec echo netboot: a shell reads this' if 0;", "use strict;", "use warnings;"].join("\r\n")}`,
  ),
  started("nologin", root, 1, "This account is currently not available.\n", {
    came: false,
    words: "This account is currently not available.\n",
  }),
  started("a forced command that waits", root, undefined, "", { came: false, words: "", isSilent: true }),
  started("killed", root, undefined, ""),
  started("no D-Bus", root, 1, "Failed to connect to bus: Connection refused\n", { came: true, words: "" }),
  started(
    "init does not find what it was told to start",
    root,
    1,
    "Failed to start transient service unit: Unit pulumi-netboot-0f1e2d3c.service not found.\n",
    { came: true, words: "" },
  ),
  started("init starts nothing", root, 1, "Failed to start transient service unit: No space left on device\n", {
    came: true,
    words: "",
  }),
  started("no perl", root, 127, "Failed to find executable /usr/bin/perl: No such file or directory\n", {
    came: true,
    words: "",
  }),
];
