/** What we keep about the packages of node 0. */
export const stateFolder = "/var/lib/pulumi-netboot";
/** The packages that were not there before us, one a line. */
export const broughtNotes: string = `${stateFolder}/packages`;
/** Those of them of which there was the configuration alone; it stays when they go. */
export const configuredNotes: string = `${stateFolder}/packages.configured`;
/** What an apt that is running, or was ended in the middle, said it would bring. */
export const plannedNotes: string = `${stateFolder}/packages.new`;

/** Where the rows of what a package stands in for are kept until they come back: none if the file is not there. */
export function standInNotes(name: string): string {
  return `${stateFolder}/kept/stand-in:${name}`;
}

/** Whether a unit ran before our first touch, in a word; no file if we have not touched it. */
export function unitNote(unit: string): string {
  return `${stateFolder}/kept/unit:${unit}`;
}

/** The file of the register that has a resource. */
export function registerFile(id: string): string {
  return `${stateFolder}/register/${id.replaceAll(/[^A-Za-z0-9_.:,@+=-]/g, asHex)}`;
}

/** Where a package is unpacked to take files out of it. */
export function takingFolder(wanted: string): string {
  return `${stateFolder}/taking/${wanted.replaceAll(/[^A-Za-z0-9_.:,@+=-]/g, asHex)}`;
}

/** A file's name can't hold everything that may stand in a version. */
function asHex(character: string): string {
  return [...new TextEncoder().encode(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}

/** The packages that take the place of others of their kind, so that apt removes those. */
export const standInPackages: readonly string[] = ["chrony"];

/** Whoever keeps the time of a Debian says that he provides this; at most one of them can be installed. */
export const timeDaemonProvision = "time-daemon";

/** Those of Debian's that are known by name; another one that provides it comes back as its package starts it. */
export const timeDaemons: readonly string[] = ["chrony", "systemd-timesyncd", "ntp", "ntpsec", "openntpd", "ntpd-rs"];

/** The units that may be a daemon's: ntp's was ntp.service, and openntpd's program is ntpd. */
export function daemonUnits(name: string): readonly [string, ...string[]] {
  return [`${name}.service`, `${name}d.service`];
}

/** Where a unit of a package lies: of a release whose /lib is a folder of its own, of a newer one, and one of System V. */
export function packagedUnitFiles(unit: string): readonly string[] {
  return [
    `/lib/systemd/system/${unit}`,
    `/usr/lib/systemd/system/${unit}`,
    `/etc/init.d/${unit.replace(/\.service$/, "")}`,
  ];
}
