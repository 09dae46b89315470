import { type Boot, timeOf } from "../facts/bootLog";
import { escaped } from "./markup";
import { type Mark, renderSeconds, timelineOf } from "./timeline";

const width = 860;
const margin = 24;
const top = 88;
const row = 28;
/** Where the bars begin and end; the words stand before them, the seconds behind. */
const bars = { from: 420, to: 764 } as const;
/** As many letters as stand before the bars. */
const mostLetters = 50;

const style = `
text { font: 13px system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; fill: var(--ink) }
svg { --ink: #1c2024; --faint: #60646c; --line: #e0e3e8; --paper: #ffffff; --dhcp: #5b6f9e; --tftp: #0b68a8; --disk: #18794e; --bad: #c62a2f }
.title { font-size: 17px; font-weight: 600 }
.faint { fill: var(--faint) }
.mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px }
.end { text-anchor: end }
.paper { fill: var(--paper) }
.line { stroke: var(--line) }
.DHCP { fill: var(--dhcp) } .TFTP { fill: var(--tftp) } .disk { fill: var(--disk) } .refused { fill: var(--bad) }
@media (prefers-color-scheme: dark) {
  svg { --ink: #edeef0; --faint: #a0a5ad; --line: #33373d; --paper: #15171a; --dhcp: #93a6d4; --tftp: #58a8e0; --disk: #52b788; --bad: #ff7b72 }
}`;

/**
 * A boot's time line as an SVG picture: what was asked and given, and how long it took to the next sign. Light or dark, as
 * whoever looks at it has it; nothing is loaded from anywhere.
 */
export function renderBootSvg(machine: string, boot: Boot): string {
  const { marks, end } = timelineOf(boot);
  const length = Math.max(boot.to - boot.from, 0.1);
  const height = top + marks.length * row + 56;
  const x = (seconds: number): number => round(bars.from + ((bars.to - bars.from) * seconds) / length);
  const title = `${machine}, ${timeOf(boot.from)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(`The boot of ${title}: ${end}`)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="paper" width="${width}" height="${height}" rx="8"/>`,
    `<text class="title" x="${margin}" y="38">${escaped(machine)}</text>`,
    `<text class="faint" x="${margin}" y="60">${escaped([timeOf(boot.from), boot.mac, boot.address ?? "no address"].join(" · "))}</text>`,
    `<text class="end faint" x="${width - margin}" y="60">each until the next sign in node 0\u2019s log</text>`,
    ...marks.flatMap((mark, index) => renderMark(mark, marks[index + 1], top + index * row, x)),
    `<line class="line" x1="${margin}" x2="${width - margin}" y1="${height - 46}" y2="${height - 46}"/>`,
    `<text x="${margin}" y="${height - 20}">${escaped(end)}</text>`,
    `<text class="end faint" x="${width - margin}" y="${height - 20}">${renderSeconds(boot.to - boot.from)} in all</text>`,
    "</svg>",
    "",
  ].join("\n");
}

function renderMark(mark: Mark, next: Mark | undefined, y: number, x: (seconds: number) => number): readonly string[] {
  const { seconds, by, what, sha256, isRefused } = mark;
  const sum = sha256 === undefined ? "" : ` <tspan class="mono faint">${sha256.slice(0, 10)}</tspan>`;
  const room = mostLetters - (sha256 === undefined ? 0 : 12);
  const shown = what.length <= room ? what : `${what.slice(0, room - 1)}…`;
  const from = x(seconds);
  const until = next === undefined ? from : x(next.seconds);
  return [
    `<line class="line" x1="${bars.from}" x2="${bars.to}" y1="${y + 9}" y2="${y + 9}"/>`,
    `<text class="faint" x="${margin}" y="${y + 14}">${by}</text>`,
    `<text x="${margin + 52}" y="${y + 14}">${escaped(shown)}${sum}</text>`,
    `<rect class="${isRefused ? "refused" : by}" x="${from}" y="${y + 3}" width="${round(Math.max(until - from, 4))}" height="12" rx="2"/>`,
    `<text class="end faint mono" x="${width - margin}" y="${y + 14}">+${renderSeconds(seconds)}</text>`,
  ];
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
