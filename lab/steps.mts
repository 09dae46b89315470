import type { BootEvent, DhcpEvent, TftpEvent } from "./capture.mts";

/** One of the nine steps of OVHcloud's guide. */
export interface BootStep {
  readonly step: number;
  readonly what: string;
  /** Since power on; `undefined` if it was not seen. */
  readonly seconds: number | undefined;
  /** What showed it, or what was seen instead. */
  readonly evidence: string;
}

/** A line on the machine's console, and when it was there. */
export interface ConsoleLine {
  readonly seconds: number;
  readonly text: string;
}

export interface Observed {
  readonly events: readonly BootEvent[];
  readonly console: readonly ConsoleLine[];
  /** What the system on the local disk says. */
  readonly speech: string;
}

type Seen = Pick<BootStep, "seconds" | "evidence">;

/** Tells the nine steps of the guide from what went over the wire and what stood on the console. */
export function planSteps({ events, console, speech }: Observed): BootStep[] {
  const dhcp = events.filter((event) => event.kind === "dhcp");
  const tftp = events.filter((event) => event.kind === "tftp");
  const stages = stagesOf(dhcp);
  const [firmware, ipxe] = [stages.filter((event) => !event.fromIpxe), stages.filter((event) => event.fromIpxe)];

  const discover = firmware.find(({ message }) => message === "discover");
  const ack = firmware.find(({ message }) => message === "ack");
  const loader = fetched(tftp, ack?.filename);
  const banner = find(console, /iPXE initialising devices|iPXE \d|Open Source Network Boot Firmware/);
  const asksAgain = ipxe.find(({ message }) => message === "discover" || message === "request");
  const secondAck = ipxe.find(({ message }) => message === "ack");
  const script = fetched(tftp, secondAck?.filename);
  const rest = tftp.filter((event) => script !== undefined && event.seconds > script.seconds && event !== script);
  const refind = rest.find((event) => /\.efi$/i.test(event.file) && event.completed !== undefined);
  const refindLine = find(console, /rEFInd - (Initializing|Main Menu|Booting)/, refind?.completed);
  const disk = console.find(({ text }) => text.includes(speech));

  return [
    step(
      1,
      "the firmware asks DHCP",
      discover && at(discover.seconds, `discover from ${discover.mac}, arch ${discover.arch ?? "not said"}`),
    ),
    step(
      2,
      "DHCP gives it an address and a file name",
      ack && at(ack.seconds, describeAck(ack)),
      firmware.length ? "no ack" : undefined,
    ),
    step(3, "it fetches the iPXE binary by TFTP", transferred(loader), describeFailures(tftp)),
    step(
      4,
      "the iPXE binary runs",
      earliest(
        banner && at(banner.seconds, banner.text),
        asksAgain && at(asksAgain.seconds, "DHCP with user class iPXE"),
      ),
    ),
    step(
      5,
      "iPXE asks DHCP",
      asksAgain && at(asksAgain.seconds, `${asksAgain.message} from ${asksAgain.mac}, user class iPXE`),
    ),
    step(6, "it fetches its script by TFTP", transferred(script), secondAck ? describeAck(secondAck) : undefined),
    step(
      7,
      "the script fetches rEFInd and its configuration",
      refind?.completed !== undefined ? at(refind.completed, rest.map(describeTransfer).join(", ")) : undefined,
      rest.map(describeTransfer).join(", "),
    ),
    step(8, "rEFInd runs", refindLine && at(refindLine.seconds, refindLine.text)),
    step(9, "the system on the local disk is up", disk && at(disk.seconds, disk.text)),
  ];
}

/** Answers do not repeat the client's user class: the transaction number leads back to the question. */
function stagesOf(dhcp: readonly DhcpEvent[]): (DhcpEvent & { fromIpxe: boolean })[] {
  const fromIpxe = new Set(dhcp.filter((event) => event.userClass?.includes("iPXE")).map((event) => event.transaction));
  return dhcp.map((event) => ({ ...event, fromIpxe: fromIpxe.has(event.transaction) }));
}

function fetched(tftp: readonly TftpEvent[], file: string | undefined): TftpEvent | undefined {
  const wanted = tftp.filter((event) => file !== undefined && bare(event.file) === bare(file));
  return wanted.find((event) => event.completed !== undefined);
}

function bare(path: string): string {
  return path.replace(/^.*\//, "");
}

/** The first line that says so, from where it says so. */
function find(console: readonly ConsoleLine[], what: RegExp, from = 0): ConsoleLine | undefined {
  for (const { seconds, text } of console) {
    const place = text.search(what);
    if (seconds >= from && place >= 0)
      return { seconds, text: text.slice(place).replace(/\s+/g, " ").trim().slice(0, 120) };
  }
  return undefined;
}

function at(seconds: number, evidence: string): Seen {
  return { seconds, evidence };
}

function earliest(...seen: (Seen | undefined)[]): Seen | undefined {
  return seen.filter((one) => one !== undefined).sort((one, other) => (one.seconds ?? 0) - (other.seconds ?? 0))[0];
}

function step(number: number, what: string, seen: Seen | undefined, instead?: string): BootStep {
  return {
    step: number,
    what,
    ...(seen ?? { seconds: undefined, evidence: instead ? `not seen; ${instead}` : "not seen" }),
  };
}

function transferred(event: TftpEvent | undefined): Seen | undefined {
  return event?.completed === undefined ? undefined : at(event.completed, describeTransfer(event));
}

function describeAck(ack: DhcpEvent): string {
  return `ack of ${ack.address}, file ${ack.filename ?? "not said"}, next-server ${ack.nextServer}`;
}

function describeTransfer({ file, bytes, completed, error }: TftpEvent): string {
  if (completed !== undefined) return `${file} (${bytes} bytes)`;
  return `${file} (not transferred${error ? `: ${error}` : `, ${bytes} bytes`})`;
}

function describeFailures(tftp: readonly TftpEvent[]): string {
  return tftp
    .filter(({ completed }) => completed === undefined)
    .map(describeTransfer)
    .join(", ");
}
