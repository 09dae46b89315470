import { globSync, readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it } from "vitest";

/** What an editor shows of a member comes from here, so each that users write or read has one. */
function withoutDocstring(file: string): readonly string[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((statement) => {
    if (!ts.isInterfaceDeclaration(statement) && !ts.isClassDeclaration(statement)) return [];
    if (!statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const members: readonly ts.Node[] = [...statement.members];
    return members.flatMap((member) => {
      const isProperty = ts.isPropertySignature(member) || ts.isPropertyDeclaration(member);
      if (!isProperty || ts.isPrivateIdentifier(member.name)) return [];
      return ts.getJSDocCommentsAndTags(member).length > 0 ? [] : [`${statement.name?.text}.${member.name.getText()}`];
    });
  });
}

describe("docstrings", () => {
  it.each(globSync("sdk/*.ts"))("stand at every public member of %s", (file) => {
    expect(withoutDocstring(file)).toEqual([]);
  });
});
