import type { Answers, Fact } from "./question";

/** Digits of 64 bits, of which the one for CAP_SYS_TIME (25) is not set. */
const mayNotSet = "^CapBnd:\\s*[0-9a-f]{9}[014589cd]";
const status = "clock.status";
const folders = ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"].map(
  (root) => `${root}/systemd/system/chrony.service.d`,
);

/**
 * Whether chrony's unit starts here: Debian's is passed over where the clock may not be set, as in a container, unless a
 * drop-in of somebody's says otherwise.
 */
export const clock: Fact<{ readonly startsChrony: boolean }> = {
  questions: {
    [status]: { ask: "path", path: "/proc/1/status", bytes: 8192 },
    ...Object.fromEntries(
      folders.map(
        (path) => [`clock ${path}`, { ask: "folder", path, when: { key: status, matches: mayNotSet } }] as const,
      ),
    ),
  },
  read(answers: Answers) {
    const maySet = !new RegExp(mayNotSet, "m").test(answers.path(status)?.content ?? "");
    const hasDropIn = folders.some((path) => (answers.folder(`clock ${path}`) ?? []).length > 0);
    return { startsChrony: maySet || hasDropIn };
  },
};
