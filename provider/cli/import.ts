import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { converse } from "../conversation/conversation";
import { throwFailure } from "../conversation/refused";
import { sha256Of } from "../digest";
import { version } from "../embedded";
import { type HandMade, handMadeQuestions, nextQuestions, readHandMade } from "../facts/handMade";
import type { Answers, Question } from "../facts/question";
import { type Imported, type NotImportable, planImport } from "../plan/importing";
import { stackOf } from "../plan/records";
import { renderNote, renderProject } from "../preview/importedProgram";
import type { Connection } from "../values/connection";
import { openHostAloud } from "./stack";

/** What was written. */
export interface ImportedProject {
  readonly folder: string;
  readonly files: readonly string[];
  readonly imported: Imported;
}

/**
 * Writes a program from a node 0 that was set up by hand. Node 0 is only read.
 *
 * @param folder - where the project goes; nothing in it is overwritten
 * @throws a `NetbootError` when node 0 can't be reached; what keeps a program from being written
 */
export async function importNode0(connection: Connection, folder: string): Promise<ImportedProject> {
  const target = resolve(folder);
  const inTheWay = ["Pulumi.yaml", "package.json", "index.ts", "artifacts"].filter((name) =>
    existsSync(join(target, name)),
  );
  if (inTheWay.length > 0) {
    throw new Error(
      `${target} has ${inTheWay.join(", ")} already, and nothing is overwritten; give another folder by --output`,
    );
  }
  const host = await openHostAloud(connection);
  let read: Reading | undefined;
  let ours: readonly string[] = [];
  const opening = { locks: false, puts: [], drops: [], questions: handMadeQuestions };
  const talk = await converse(host, opening, ({ answers, before }) => {
    ours = [...new Set([...before.keys()].map(stackOf))];
    const questions = ours.length > 0 ? undefined : nextQuestions(answers);
    if (questions !== undefined) return { reply: "ask", questions };
    if (ours.length > 0) return { reply: "stop" };
    read = readAll(answers);
    return read.wanted.length === 0 ? { reply: "stop" } : { reply: "ask", questions: bytesQuestions(read) };
  });
  throwFailure(host, talk);
  if (ours.length > 0) {
    throw new Error(
      `${host.name}: pulumi-netboot serves here already, for ${ours.join(", ")}; import reads what somebody set up by hand. Another program's state is had by \`pulumi stack export\`, and records of a stack that is no more are listed by \`npx pulumi-netboot records\``,
    );
  }
  if (read === undefined || "why" in read.imported) {
    throw new Error(
      `${host.name}: ${read !== undefined && "why" in read.imported ? read.imported.why : "node 0 did not answer; run it again"}`,
    );
  }
  const { bytes, imported } = read;
  const texts = renderProject(imported, {
    connection,
    host: host.name,
    date: new Date().toISOString().slice(0, 10),
    project: projectName(basename(target)),
    version,
  });
  const artifacts = artifactNames(imported).flatMap((name) => {
    const content = bytes.get(name);
    return content === undefined ? [] : [[`artifacts/${name}`, content] as const];
  });
  const files: readonly (readonly [string, string | Buffer])[] = [...Object.entries(texts), ...artifacts];
  for (const [path, content] of files) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), content, { flag: "wx" });
  }
  return { folder: target, files: files.map(([path]) => path), imported };
}

interface Reading {
  readonly made: HandMade;
  readonly bytes: ReadonlyMap<string, Buffer>;
  readonly imported: Imported | NotImportable;
  /** Files whose bytes are still to come. */
  readonly wanted: readonly string[];
}

function readAll(answers: Answers): Reading {
  const made = readHandMade(answers);
  const wasAsked = (name: string): boolean => answers.ran(bytesKey(name)) !== undefined;
  const first = [...made.tftp.files.values()].filter(({ packaged }) => packaged === undefined).map(({ name }) => name);
  const names = [...first, ...made.tftp.names].filter(wasAsked);
  const bytes = new Map(names.flatMap((name) => wholeBytes(answers, name).map((content) => [name, content] as const)));
  const planned = planImport(made, bytes);
  if ("why" in planned) return { made, bytes, imported: planned, wanted: [] };
  const wanted = [...new Set([...first, ...artifactNames(planned)])].filter((name) => !wasAsked(name));
  const lost = artifactNames(planned).filter((name) => wasAsked(name) && !bytes.has(name));
  const notes = lost.map((name) => ({ text: whyNotWhole(made.tftp.directory, name) }));
  return { made, bytes, imported: { ...planned, notes: [...planned.notes, ...notes] }, wanted };
}

/** What is said of a file whose bytes node 0 could not tell. */
export function whyNotWhole(directory: string, name: string): string {
  return `${directory}/${name} did not come whole (3 MB are the most); copy it to artifacts/${name} yourself`;
}

function artifactNames({ files, extra }: Imported): readonly string[] {
  return [...new Set([...Object.values(files), ...extra])];
}

/** A file's bytes as text, for an answer is one; and its sum, for a long answer is cut off. */
function bytesQuestions({ made, wanted }: Reading): Readonly<Record<string, Question>> {
  return Object.fromEntries(
    wanted.flatMap((name) => {
      const path = `${made.tftp.directory}/${name}`;
      return [
        [bytesKey(name), { ask: "run", argv: ["base64", "-w0", "--", path] }],
        [sumKey(name), { ask: "run", argv: ["sha256sum", "--", path] }],
      ] as const;
    }),
  );
}

function bytesKey(name: string): string {
  return `bytes ${name}`;
}

function sumKey(name: string): string {
  return `sum ${name}`;
}

function wholeBytes(answers: Answers, name: string): readonly Buffer[] {
  const content = Buffer.from(answers.ran(bytesKey(name))?.said ?? "", "base64");
  const sum = sha256Of(content);
  return answers.ran(sumKey(name))?.said.startsWith(sum) === true ? [content] : [];
}

/** What Pulumi takes for a project's name. */
function projectName(folder: string): string {
  return folder.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+/, "") || "node0";
}

/** What was written, for people. */
export function renderImported({ folder, files, imported: { before, notes } }: ImportedProject): string {
  return [
    `${folder}: ${files.join(", ")}`,
    ...(notes.length === 0
      ? []
      : ["", "not as node 0 has it (the program says it, too):", ...notes.map((note) => `  ${renderNote(note)}`)]),
    ...(before.length === 0
      ? []
      : [
          "",
          "on node 0, before the first `pulumi up`:",
          ...before.map(({ command, why }) => `  ${command}  # ${why}`),
        ]),
    "",
    `next: cd ${folder} && npm install && pulumi stack init dev && pulumi preview --diff && npx pulumi-netboot plan`,
  ].join("\n");
}
