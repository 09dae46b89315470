import { spawnSync } from "node:child_process";
import { vi } from "vitest";
import { type Line, parseSaid, renderMessage, type Said } from "../../../../provider/conversation/protocol";
import { hands } from "../../../../provider/embedded";

const nonce = "0badcafe";

// Each call is a process, which starts others: on a machine that is busy that takes its time.
vi.setConfig({ testTimeout: 60_000 });

/** Has every sub of every package under its own name. */
const takesAll = String.raw`
package Netboot::Test;
use Netboot::Perl;
BEGIN {
    no strict 'refs';
    for my $package (grep { /^\w+::$/ && !/^(?:Test|Perl)::/ } keys %Netboot::) {
        for my $name (keys %{"Netboot::$package"}) {
            my $sub = "Netboot::$package$name";
            *{"Netboot::Test::$name"} = \&$sub if $name =~ /^\w+$/ && $name ne 'import' && defined &$sub;
        }
    }
}`;

/**
 * What Perl on this machine says that can call the hands' functions, and does nothing else of theirs. `@in` are the lines
 * that it is given. With `state`, that folder is where the hands keep what is theirs, and no file changes its owner.
 */
export function inHands(perl: string, lines: readonly Line[] = [], state?: string): readonly Said[] {
  const given = `parse_lines(pack 'H*', '${Buffer.from(renderMessage(lines)).toString("hex")}')`;
  const main = `${takesAll}\nbegin('${nonce}'); my @in = ${given};\n${perl}\n`;
  const program = hands.replace(/\nmain\(@ARGV\);\n$/, () => `\n${main}`);
  if (!program.endsWith(main)) throw new Error("the hands do not end with the call of their main");
  const ownerless = "BEGIN { *CORE::GLOBAL::chown = sub { 1 } }\n";
  const input = state === undefined ? program : ownerless + program.replace("'/var/lib/pulumi-netboot'", `'${state}'`);
  const { status, stdout, stderr, error } = spawnSync("perl", ["-"], { input, encoding: "utf8", maxBuffer: 1 << 26 });
  if (error !== undefined) throw error;
  if (status !== 0 || stderr !== "") throw new Error(`perl ended with ${status}: ${stderr}`);
  return stdout.split("\n").flatMap((each) => parseSaid(each, nonce) ?? []);
}
