import type { ErrorCode } from "yaml";

const quote = "Put the value in quotes";

/** What the parser's codes mean. Its own messages are not used: they repeat the text, which may be a secret. */
const meanings: { readonly [Code in ErrorCode]?: readonly [message: string, fix: string] } = {
  ALIAS_PROPS: ["An alias (*name) stands beside an anchor or a tag", quote],
  BAD_ALIAS: ["An alias (*) has no usable name", quote],
  BAD_DQ_ESCAPE: ["A backslash in double quotes begins no known escape", "Write \\\\ for a backslash, or use single quotes"],
  BAD_INDENT: ["The indentation does not fit what is around it", "Indent everything that belongs together by the same number of spaces"],
  BAD_SCALAR_START: ["A value cannot begin with this character", quote],
  BLOCK_AS_IMPLICIT_KEY: [
    "A key and its value begin here where only a value can stand",
    "Indent it below its key, or put the value in quotes",
  ],
  BLOCK_IN_FLOW: ["Indented lines stand inside { } or [ ]", "Write the inside of { } and [ ] with commas"],
  MISSING_CHAR: [
    "Something is not closed or not separated",
    "Look for a missing quote, bracket, comma or colon here or in the lines above",
  ],
  MULTILINE_IMPLICIT_KEY: ["A key reaches over a line's end", "Write a key and its colon on one line"],
  MULTIPLE_DOCS: ["The file holds more than one document", "Remove the line ---"],
  RESOURCE_EXHAUSTION: ["This is nested too deep", "Look for repeated [, { or - signs"],
  TAB_AS_INDENT: ["A tab is used to indent", "Indent with spaces"],
  UNEXPECTED_TOKEN: [
    "Something stands here that YAML does not expect",
    "Look for a missing comma, a stray bracket or a value that needs quotes",
  ],
};

/** Message and fix for an error of the YAML parser in this line. Neither repeats the line. */
export function explainSyntax(code: ErrorCode, line: string): readonly [message: string, fix: string] {
  const [message, fix] = meanings[code] ?? [`The YAML is not valid (${code})`, "Compare it with config/example.yaml"];
  const bare = /\$\{(env|file):/.test(line) && line.includes("{") && !/["']\$\{/.test(line);
  return [message, bare ? `Inside { } a reference needs quotes: "\${env:NAME}"` : fix];
}
