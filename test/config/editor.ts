import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject } from "ajv";
import { parse } from "yaml";

const schema = JSON.parse(readFileSync(new URL("../../config/lightsout.schema.json", import.meta.url), "utf8")) as object;
// Of `type: [object, null]` beside `properties` ajv would warn; both mean what they say. A MAC such as 525400e12345 is a number without an end.
const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, strictTypes: false, strictNumbers: false }).compile(
  schema,
);

/** What an editor finds in a `lightsout.yaml`, by the schema that is handed out. */
export function editorErrors(text: string): readonly ErrorObject[] {
  const value: unknown = parse(text);
  return validate(value) ? [] : (validate.errors ?? []);
}
