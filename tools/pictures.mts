/**
 * Draws the pictures of the docs (docs/pictures) from a small stack in a lab: the page of the stack, light and dark, a
 * machine's boot, and a preview. What they show was seen there: nothing is posed but what is broken on purpose.
 *
 *     npm run pictures
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Lab, labUp } from "../lab/index.mts";
import { openBrowser } from "./browser.mts";
import { runCommand } from "./command.mts";
import { type ScratchProject, scratchProject } from "./scratch.mts";

const repository = join(import.meta.dirname, "..");
const pictures = join(repository, "docs/pictures");
const nics = { "db-1": "04:3f:72:aa:00:01", "web-1": "04:3f:72:aa:00:05", stranger: "04:3f:72:cc:00:07" };

/** A shop: two databases, four web servers, and one machine that starts with another loader. */
function program({ node0 }: Lab, more = ""): string {
  const { host, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = node0;
  return `
import * as netboot from "pulumi-netboot";

const connection = ${JSON.stringify({ host, hostKey, privateKeyPath })};
const network = ${JSON.stringify({ interface: privateInterface, address: privateAddress, cidr: privateCidr })};
const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false${more} });
new netboot.OlaNode("db-1", { server: node0, macs: ["${nics["db-1"]}", "04:3f:72:ab:00:01"], address: "192.168.1.2" });
new netboot.OlaNode("db-2", { server: node0, macs: ["04:3f:72:aa:00:02", "04:3f:72:ab:00:02"], address: "192.168.1.3" });
new netboot.OlaFleet("web", {
  server: node0,
  nodes: {
    "web-1": { macs: ["${nics["web-1"]}"], address: "192.168.1.5" },
    "web-2": { macs: ["04:3f:72:aa:00:06"], address: "192.168.1.6" },
    "web-3": { macs: ["04:3f:72:aa:00:07"], address: "192.168.1.7" },
    "web-4": { macs: ["04:3f:72:aa:00:08"], address: "192.168.1.8", loader: "snponly.efi" },
  },
});
`;
}

/** Two boots and a stranger; a file is missing when the second machine comes to it. */
async function bootMachines(lab: Lab): Promise<void> {
  const boot = async (name: keyof typeof nics, timeoutMs: number): Promise<void> => {
    const machine = await lab.machine({ name, macs: [nics[name]] });
    await machine.boot({ timeoutMs });
    await machine.off();
  };
  await boot("db-1", 240_000);
  await lab.node0.run("mv /srv/tftp/refind_x64.efi /root/");
  await Promise.all([boot("web-1", 60_000), boot("stranger", 40_000)]);
  await lab.node0.run("mv /root/refind_x64.efi /srv/tftp/");
}

async function netboot(project: ScratchProject, ...args: readonly string[]): Promise<void> {
  const main = join(project.folder, "node_modules/pulumi-netboot/dist/provider/cli/main.js");
  const { code, output } = await runCommand([process.execPath, main, ...args], {
    cwd: project.folder,
    env: project.env,
  });
  // 1 is what a page ends with that shows something wrong, as this one does.
  if (code > 1) throw new Error(`pulumi-netboot ${args.join(" ")} failed:\n${output}`);
}

async function drawPage(page: string): Promise<void> {
  const browser = await openBrowser();
  for (const colorScheme of ["light", "dark"] as const) {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 760 }, colorScheme });
    await tab.goto(pathToFileURL(page).href);
    await tab.getByText("web-4", { exact: true }).click();
    await tab.screenshot({ path: join(pictures, `view-${colorScheme}.png`) });
    await tab.close();
  }
  await browser.close();
}

const style = `
text { font: 13px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--ink); white-space: pre }
svg { --ink: #1c2024; --paper: #f7f8fa; --plus: #18704a; --minus: #b8262c; --change: #8a5300 }
.paper { fill: var(--paper) } .plus { fill: var(--plus) } .minus { fill: var(--minus) } .change { fill: var(--change) }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e8eaed; --paper: #1b1e22; --plus: #5cc493; --minus: #ff8580; --change: #e3b04f }
}`;

function escaped(text: string): string {
  return text.replaceAll(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** What a terminal showed, as a picture: what comes, goes and changes in its colour. */
function renderTerminalSvg(title: string, lines: readonly string[]): string {
  const [width, height] = [Math.max(...lines.map(({ length }) => length)) * 7.85 + 48, lines.length * 19 + 40];
  const classes = { "+": "plus", "-": "minus", "~": "change" } as const;
  const rows = lines.map((line, at) => {
    const sign = /^\s*([-+~]) /.exec(line)?.[1] as keyof typeof classes | undefined;
    const look = sign === undefined ? "" : ` class="${classes[sign]}"`;
    return `<text${look} x="24" y="${at * 19 + 34}" xml:space="preserve">${escaped(line)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${height}" viewBox="0 0 ${Math.ceil(width)} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(title)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="paper" width="100%" height="100%" rx="8"/>`,
    ...rows,
    "</svg>",
    "",
  ].join("\n");
}

/** The engine's own diff without its ids: the file that changes, the first machine, and what is said at the end. */
function linesOf(preview: string): readonly string[] {
  const lines = preview
    .split("\n")
    .filter((line) => !/^\s*\[(id|urn)=|pulumi:pulumi:Stack|^Previewing|^\(|^\s*$/.test(line))
    .map((line) => line.replace("pulumi-nodejs:dynamic/netboot:", "").trimEnd())
    .map((line) => (line.length <= 124 ? line : `${line.slice(0, 123)}…`));
  const parts = lines.join("\n").split(/\n(?= {4}~ )/);
  const shown = ["BootFile", "OlaNode"].map((kind) => parts.find((each) => each.includes(`~ ${kind}:`)) ?? "");
  const end = lines.slice(lines.findIndex((line) => line.startsWith("next boot changes")));
  return [...shown.join("\n").split("\n"), "    …", ...end];
}

const say = (line: string): void => console.error(line);
const built = await runCommand(["npm", "run", "--silent", "build"], { cwd: repository });
if (built.code !== 0) throw new Error(`npm run build failed:\n${built.output}`);
mkdirSync(pictures, { recursive: true });
const lab = await labUp({ onProgress: say });
let project: ScratchProject | undefined;
try {
  project = await scratchProject({ files: { "index.ts": program(lab) }, name: "shop", stack: "prod" });
  say("pulumi up");
  await project.succeed(["up", "--yes", "--skip-preview"]);
  await project.succeed(["stack", "select"]);
  say("two machines and a stranger boot");
  await bootMachines(lab);
  const page = join(project.root, "fleet.html");
  await netboot(project, "history", "--svg", "db-1", "--output", join(pictures, "boot.svg"));
  await lab.node0.run("mv /srv/tftp/snponly.efi /root/");
  await netboot(project, "view", "--output", page);
  await lab.node0.run("mv /root/snponly.efi /srv/tftp/");
  mkdirSync(join(repository, "output"), { recursive: true });
  writeFileSync(join(repository, "output/fleet.html"), readFileSync(page));
  say("the page is drawn");
  await drawPage(page);
  project.write({ "index.ts": program(lab, ", artifacts: { refindConf: { timeoutSeconds: 5 } }") });
  const { output } = await project.succeed(["preview", "--diff"]);
  writeFileSync(join(pictures, "preview.svg"), renderTerminalSvg("What pulumi preview --diff says", linesOf(output)));
  writeFileSync(join(repository, "output/preview.txt"), output);
  say("docs/pictures: boot.svg, preview.svg, view-dark.png, view-light.png; the page itself is output/fleet.html");
} finally {
  await project?.remove();
  await lab.down();
}
