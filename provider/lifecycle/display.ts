import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { engineAddress } from "../engine";
import { asRefreshed } from "../values/mending";
import { printable } from "../values/printable";
import { wasLookedAt } from "./lookedAt";

/** Puts a line beside one resource in what the engine displays: progress replaces the line before it, a note and a warning stay. */
export type Display = (severity: "progress" | "note" | "warning", line: string) => void;

/** The same in a run that has looked at this connection's host already: a refresh is no advice there. */
export function displayOn(connection: unknown, urn: unknown): Display {
  const display = displayOf(urn);
  return (severity, line) => display(severity, wasLookedAt(connection) ? asRefreshed(line) : line);
}

let engine: EngineClient | undefined;

/** What is on its way to the engine. */
const underWay = new Set<Promise<void>>();

/** When the engine has all that was to be displayed: after its last step it shows nothing more. */
export async function allDisplayed(): Promise<void> {
  await Promise.all(underWay);
}

/**
 * What the engine displays beside the resource with this URN. Where its log can't be reached, a warning goes to stderr,
 * which the engine shows beside the stack.
 */
export function displayOf(urn: unknown): Display {
  return (severity, text) => {
    const line = printable(text);
    const request = new LogRequest();
    request.setSeverity(severity === "warning" ? LogSeverity.WARNING : LogSeverity.INFO);
    request.setMessage(line);
    request.setUrn(typeof urn === "string" ? urn : "");
    request.setEphemeral(severity === "progress");
    try {
      engine ??= new EngineClient(engineAddress(), credentials.createInsecure());
      const client = engine;
      const sent = new Promise<void>((resolve) => {
        client.log(request, (error) => {
          if (error !== null && severity === "warning") process.stderr.write(`${line}\n`);
          resolve();
        });
      });
      underWay.add(sent);
      void sent.finally(() => underWay.delete(sent));
    } catch {
      if (severity === "warning") process.stderr.write(`${line}\n`);
    }
  };
}
