import type { Imported, Note } from "../plan/importing";
import type { Connection } from "../values/connection";

/** What the program is told beside what node 0 says. */
export interface ProgramSettings {
  readonly connection: Connection;
  /** As an operator calls node 0. */
  readonly host: string;
  readonly date: string;
  readonly project: string;
  /** Of this package. */
  readonly version: string;
}

/** Everything of the project but the files out of node 0: path → text. */
export function renderProject(imported: Imported, settings: ProgramSettings): Readonly<Record<string, string>> {
  const { project, version } = settings;
  const manifest = {
    name: project,
    private: true,
    main: "index.ts",
    dependencies: { "@pulumi/pulumi": "^3.216.0", "pulumi-netboot": `^${version}` },
    devDependencies: { "@types/node": "^24.0.0", typescript: "^6.0.0" },
  };
  const compiler = {
    compilerOptions: {
      target: "es2020",
      module: "nodenext",
      moduleResolution: "nodenext",
      strict: true,
      skipLibCheck: true,
      types: ["node"],
      noEmit: true,
    },
    include: ["index.ts"],
  };
  return {
    "Pulumi.yaml": `name: ${project}\ndescription: ${JSON.stringify(`Node 0, as it was set up by hand on ${settings.host}`)}\nruntime: nodejs\n`,
    "package.json": `${JSON.stringify(manifest, undefined, 2)}\n`,
    "tsconfig.json": `${JSON.stringify(compiler, undefined, 2)}\n`,
    "index.ts": renderProgram(imported, settings),
  };
}

function renderProgram(imported: Imported, { connection, host, date }: ProgramSettings): string {
  const { files, nodes } = imported;
  const readsText = files.refindConf !== undefined || files.bootScript !== undefined;
  const lines = [
    `// Written by \`npx pulumi-netboot import\` from ${oneLine(host)}, as it was set up by hand on ${date}.`,
    ...renderBefore(imported),
    ...renderNotes(imported.notes),
    ...(readsText ? ['import { readFileSync } from "node:fs";'] : []),
    'import * as netboot from "pulumi-netboot";',
    "",
    'const node0 = new netboot.NetbootServer("node0", {',
    `  connection: ${literal(connection)},`,
    "  network: {",
    ...Object.entries(imported.network).map(([key, value]) => `    ${key}: ${literal(value)},`),
    "  },",
    ...(imported.unknownMachines === undefined
      ? []
      : ['  unknownMachines: "serve", // as there; "refuse" answers the machines below only']),
    ...(imported.allowDefaultRoute === undefined
      ? []
      : ["  allowDefaultRoute: true, // this interface carries node 0's default route"]),
    ...renderDhcp(imported),
    ...(imported.tftpOptions === undefined ? [] : [`  tftp: { options: ${literal(imported.tftpOptions)} },`]),
    ...renderArtifacts(imported),
    `  time: false, // ${oneLine(imported.time)}`,
    `  names: false, // ${oneLine(imported.names)}`,
    "});",
    "",
    ...(Object.keys(nodes).length === 0
      ? ["// Node 0 names no machine: declare those that boot from it as an OlaFleet."]
      : renderFleet(nodes)),
  ];
  return `${lines.join("\n")}\n`;
}

function renderBefore({ before }: Imported): readonly string[] {
  if (before.length === 0) return [];
  return [
    "//",
    "// On node 0, before the first `pulumi up` (no machine boots from then until its end):",
    ...before.map(({ command, why }) => `//   ${oneLine(command)}  # ${oneLine(why)}`),
  ];
}

function renderNotes(notes: readonly Note[]): readonly string[] {
  if (notes.length === 0) return [];
  return ["//", "// What is not as node 0 has it:", ...notes.map((note) => `//   ${oneLine(renderNote(note))}`)];
}

/** A note as a line for people. */
export function renderNote({ place, text }: Note): string {
  return place === undefined ? text : `${place.file}:${place.line}: ${text}`;
}

function renderDhcp({ dhcp, replaced }: Imported): readonly string[] {
  const { replace, extraConfig, ...rest } = dhcp;
  if (Object.keys(dhcp).length === 0) return [];
  return [
    "  dhcp: {",
    ...(replace === undefined
      ? []
      : [
          `    // ${dhcp.daemon === "kea" ? "Kea" : "dhcpd"} reads or serves more than this network. The first up puts ours in its place, and destroy puts it back.`,
          `    // This goes as far as it is not below: ${oneLine(replaced.join(", "))}`,
          "    replace: true,",
        ]),
    ...Object.entries(rest).map(([key, value]) => `    ${key}: ${literal(value)},`),
    ...(extraConfig === undefined ? [] : [`    extraConfig: ${literal(extraConfig)},`]),
    "  },",
  ];
}

/** The properties with files, in the order of a boot; a text is read in the program, a program is given by its path. */
const artifactOrder = ["ipxe", "snponly", "ipxe32", "refind", "bootScript", "refindConf"] as const;

function renderArtifacts({ directory, files, extra }: Imported): readonly string[] {
  const rows = artifactOrder.flatMap((property) => {
    const name = files[property];
    if (name === undefined) return [];
    const path = literal(`artifacts/${name}`);
    const isText = property === "bootScript" || property === "refindConf";
    return [`    ${property}: ${isText ? `readFileSync(${path}, "utf8")` : `{ file: ${path} }`},`];
  });
  const others = extra.map((name) => `      ${literal(name)}: { file: ${literal(`artifacts/${name}`)} },`);
  const all = [
    ...(directory === "/srv/tftp" ? [] : [`    directory: ${literal(directory)},`]),
    ...rows,
    ...(others.length === 0 ? [] : ["    extra: {", ...others, "    },"]),
  ];
  if (all.length === 0) return [];
  return [
    "  // As they lay on node 0. Without its line a file is pulumi-netboot's own, or Debian's.",
    "  artifacts: {",
    ...all,
    "  },",
  ];
}

function renderFleet(nodes: Imported["nodes"]): readonly string[] {
  return [
    'const fleet = new netboot.OlaFleet("fleet", {',
    "  server: node0,",
    "  nodes: {",
    ...Object.entries(nodes).map(([name, { file, line, called, ...args }]) => {
      const there = called === undefined ? "" : `, there ${oneLine(called)}`;
      return `    ${literal(name)}: ${literal(args)}, // ${oneLine(file)}:${line}${there}`;
    }),
    "  },",
    "});",
    "",
    "export const boots = fleet.nextBoots;",
  ];
}

/** A value as TypeScript writes it, on one line. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([key, inner]) => `${/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key)}: ${literal(inner)}`,
  );
  return `{ ${fields.join(", ")} }`;
}

/** Words of others never begin a line of their own in a comment, and no character of theirs is one that nobody sees. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, " ").trim();
}
