import type { Samples } from "./samples.mts";
import type { Scale } from "./scale.mts";

const width = 640;
const height = 320;
const frame = { left: 56, right: 120, top: 40, bottom: 44 };

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly of: (scale: Scale) => Samples;
}

const lines: readonly Line[] = [
  { name: "pulumi-netboot", colour: "#2f6fde", of: ({ jobs }) => jobs.oneMore.pyinfra.ours },
  { name: "pyinfra", colour: "#c2571a", of: ({ jobs }) => jobs.oneMore.pyinfra.theirs },
  { name: "Ansible", colour: "#8a4fb5", of: ({ jobs }) => jobs.oneMore.ansible.theirs },
];

/** Seconds that one machine more takes, by the size of the fleet, as an SVG for light and for dark pages. */
export function renderScalePlot(measured: readonly Scale[]): string {
  const most = Math.ceil(Math.max(...measured.flatMap((scale) => lines.map(({ of }) => of(scale).max))) / 2) * 2;
  const x = (index: number): number =>
    round(frame.left + (index * (width - frame.left - frame.right)) / Math.max(1, measured.length - 1));
  const y = (seconds: number): number =>
    round(height - frame.bottom - (seconds * (height - frame.top - frame.bottom)) / most);
  const ticks = Array.from({ length: most / 2 + 1 }, (_, index) => index * 2);
  const drawn = lines.map(({ name, colour, of }) => {
    const points = measured.map((scale, index) => ({ at: x(index), samples: of(scale) }));
    const last = points.at(-1);
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(({ at, samples }) => `${at},${y(samples.median)}`).join(" ")}"/>`,
      ...points.map(
        ({ at, samples }) =>
          `<line stroke="${colour}" x1="${at}" x2="${at}" y1="${y(samples.min)}" y2="${y(samples.max)}"/><circle fill="${colour}" cx="${at}" cy="${y(samples.median)}" r="3.5"/>`,
      ),
      last === undefined
        ? ""
        : `<text fill="${colour}" x="${last.at + 10}" y="${y(last.samples.median) + 4}">${name} ${last.samples.median.toFixed(1)} s</text>`,
    ].join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Seconds that one machine more takes, by the size of the fleet">
<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.grid { stroke: #ddd }
@media (prefers-color-scheme: dark) { text { fill: #ccc } .grid { stroke: #444 } }
</style>
<text x="${frame.left}" y="20">One machine more, seconds (the middle of several runs, with the least and the most)</text>
${ticks.map((tick) => `<line class="grid" x1="${frame.left}" x2="${width - frame.right}" y1="${y(tick)}" y2="${y(tick)}"/><text text-anchor="end" x="${frame.left - 8}" y="${y(tick) + 4}">${tick}</text>`).join("\n")}
${measured.map(({ machines }, index) => `<text text-anchor="middle" x="${x(index)}" y="${height - frame.bottom + 20}">${machines.toLocaleString("en-US")} machines</text>`).join("\n")}
${drawn.join("\n")}
</svg>
`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
