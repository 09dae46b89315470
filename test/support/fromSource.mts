/** Loads the provider from its source, as its build would be, for what captures cases. */
import { readFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import ts from "typescript";

const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };

/** By this ending a path without one is found, too. */
(Module as unknown as { _extensions: Record<string, unknown> })._extensions[".ts"] = (
  module: { _compile(text: string, path: string): void },
  path: string,
): void => {
  module._compile(ts.transpileModule(readFileSync(path, "utf8"), { compilerOptions }).outputText, path);
};

/** `require` of this folder. */
export const fromSource: NodeJS.Require = createRequire(import.meta.url);
