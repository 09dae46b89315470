import { NetbootError } from "../errors";

/** How a command on node 0 ended that should have run our hands, and what it said in their place. */
export interface Ending {
  readonly code: number | undefined;
  /** What came on stdout and was no line of the hands, then stderr. */
  readonly words: string;
}

/** What became of a command that only gives back what it is given. */
export interface Echo {
  /** Whether it came back. */
  readonly came: boolean;
  readonly words: string;
  /** Whether the command neither said a word nor ended, on a connection that lived. */
  readonly isSilent?: boolean;
}

/** The login, for the words of an error. */
export interface Login {
  readonly name: string;
  readonly user: string;
  readonly isRoot: boolean;
}

/** What a shell prints that got the hands to read, and ends there: the first line of loader.pl. */
export const shellReads = "netboot: a shell reads this";

/** What systemd-run says of itself, not of what it runs. */
const systemdRunRefuses = /^Failed to (?:(connect to .*bus|create bus connection)|start transient service unit)/m;

/**
 * Why the hands did not begin, or ended without a last word.
 *
 * @param echo - whether commands come through at all; undefined if the hands had begun, or nobody asked
 */
export function whyNotStarted(
  { name, user, isRoot }: Login,
  { code, words }: Ending,
  echo: Echo | undefined,
): NetbootError {
  // The name of each run is its own, and a cause that stops several is told once.
  const own = withoutEcho(words.replace(/\bpulumi-netboot-[0-9a-f]+(?=\.service)/g, "pulumi-netboot-…").trim());
  const said = own === "" ? "  (it said nothing)" : own.replace(/^/gm, "  ");
  // 127 is what shells end with where there is no such program, in whatever language they say it; csh has no code for it.
  if (!isRoot && ((code === 127 && /\bsudo\b/.test(words)) || /^sudo: Command not found/m.test(words))) {
    return new NetbootError(
      "SUDO_REFUSED",
      `${name}: sudo is not installed there, so "${user}" can't become root:\n${said}\n` +
        "install it there and let that user run everything without a password (`NOPASSWD: ALL`), or connect as root",
    );
  }
  if (!isRoot && /^sudo:/m.test(words)) {
    return new NetbootError(
      "SUDO_REFUSED",
      `${name}: sudo -n was refused:\n${said}\n` +
        "let the user run everything without a password (`NOPASSWD: ALL`, no `requiretty`), or connect as root",
    );
  }
  const other = /login as the user "?(?<user>[\w.-]+)/i.exec(words)?.groups?.["user"];
  if (other !== undefined) {
    return new NetbootError(
      "AUTHENTICATION_FAILED",
      `${name}: ${user} may not log in here; node 0 says so in the place of what it was asked:\n${said}\n` +
        `say user: "${other}" (who needs \`sudo -n\`), or take the \`command="…"\` out of ${homeOf(user)}/.ssh/authorized_keys there`,
    );
  }
  if (echo?.isSilent === true) {
    return new NetbootError(
      "COMMAND_FAILED",
      `${name}: "${user}" may log in, and no command of that user answers there: neither ours nor \`cat\` said a word in a minute, and ` +
        `nothing was changed\n${said}\n` +
        `\`ssh ${user}@${name} cat </etc/hostname\` waits as well; look there at what comes before a command: start files (.bashrc, ` +
        '.profile, ~/.ssh/rc), `command="…"` in authorized_keys, ForceCommand, and a home folder on a file system that does not answer',
    );
  }
  const ending = code === undefined ? "was ended by a signal" : `ended with exit code ${code}`;
  // A program that is always the same in our place says the same to any command; one that reads our input does not.
  const isRead = echo !== undefined && !echo.came && (echo.words.trim() === "" || echo.words.trim() !== words.trim());
  if (words.includes(shellReads) || isRead) {
    return new NetbootError(
      "COMMAND_FAILED",
      `${name}: the login shell of "${user}" does not run our command: its start files (.bashrc, .profile, config.fish, …) end it, ` +
        `start another program, or read what our command is to read; or it is no shell (/bin/false). It ${ending}, and nothing was ` +
        `changed\n${said}\n` +
        "let start files do that only where a person types: in .bashrc, behind `[[ $- == *i* ]] || return`; " +
        `\`ssh ${user}@${name} cat </etc/hostname\` must print that line`,
    );
  }
  if (echo !== undefined && !echo.came) {
    return new NetbootError(
      "COMMAND_FAILED",
      `${name}: "${user}" may log in, and node 0 runs no command for that user; it ${ending} with words of its own, and nothing was ` +
        `changed\n${said}\n` +
        'connect as another user, or look there at the user\'s shell (nologin?) and its start files, at `command="…"` in ' +
        "authorized_keys and at sshd's ForceCommand",
    );
  }
  const [refused, isBus] = systemdRunRefuses.exec(words) ?? [];
  if (echo !== undefined && refused !== undefined) {
    return new NetbootError(
      "COMMAND_FAILED",
      `${name}: systemd-run, by which node 0 itself would carry a change out, starts nothing there, and nothing was changed\n${said}\n` +
        (isBus === undefined
          ? "mend what it says: `systemd-run --pipe --wait true` there shows the same, and `df /run` whether there is room for it"
          : "it talks by D-Bus: `systemctl start dbus` there, or `apt install dbus` on a Debian that has none"),
    );
  }
  return new NetbootError(
    "COMMAND_FAILED",
    `${name}: the agent ${ending} before it had answered; if it had begun, node 0 finishes or undoes its ` +
      `transaction by itself, and the next run looks again\n  $ systemd-run … /usr/bin/perl -\n${said}\n` +
      "node 0 must be a Debian with systemd and perl-base (every Debian has both)",
  );
}

/** As many lines as tell what is there in our place. */
const mostLines = 12;

/** A terminal, as `script` and tmux have one, says again what it is given: our own program, which tells nobody anything. */
function withoutEcho(words: string): string {
  const lines = words.split(/\r?\n/);
  const echo = lines.findIndex((line) => line.includes(shellReads) && line.trim() !== shellReads);
  const given = echo === 0 ? "(only what it was given)" : "(and then what it was given)";
  const own = echo < 0 ? lines : [...lines.slice(0, echo), given];
  const more = own.length - mostLines;
  return [...own.slice(0, mostLines), ...(more > 0 ? [`(and ${more} lines more)`] : [])].join("\n").trim();
}

function homeOf(user: string): string {
  return user === "root" ? "/root" : `~${user}`;
}
