import { z } from "zod";
import { type Duration, durationPattern, isDuration, milliseconds } from "#events";
import { Secret } from "../secret.ts";
import { shown } from "./problem.ts";

/** Why a text cannot be the value: the rest of a sentence that begins with the text, and what to write. */
export class Refused {
  readonly why: string;
  readonly fix: string;
  constructor(why: string, fix: string) {
    this.why = why;
    this.fix = fix;
  }
}

/** What an editor can know of a value: a part of a JSON Schema. It may let more pass than `read` does, and never less, but for blanks around a text. */
interface Written {
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly enum?: readonly (string | number | boolean)[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly examples?: readonly (string | number)[];
  readonly anyOf?: readonly Written[];
}

// What stands there is read as a text, whichever of them YAML takes it for.
const scalar = { type: ["string", "number", "boolean"], minLength: 1 };

/** Any one word, and no reference: those are read for secrets only. For editors, as all of these. */
export const anyWord: Written = { ...scalar, pattern: "^(?!\\s*\\$\\{(env|file):[^}]*\\}\\s*$)" };

const reference = { type: "string", pattern: "^\\$\\{(env|file):[^}]+\\}$", examples: [`\${env:NAME}`, `\${file:path}`] };

/** A text of this grammar. */
export const like = (grammar: RegExp, ...examples: readonly string[]): Written => ({
  type: "string",
  pattern: grammar.source,
  ...(examples.length > 0 && { examples }),
});

/** A word of this grammar, where YAML may take some of them for a number: `12`, `1.5`. */
export const word = (grammar: RegExp, ...examples: readonly string[]): Written => ({ ...like(grammar, ...examples), type: scalar.type });

/**
 * A value that is written as one text. `read` gives the value or says why not.
 *
 * @param form how to write it, for the message: `a whole number, such as 443`
 * @param written the same for editors; default any one word
 */
export function value<T>(form: string, read: (text: string) => T | Refused, written: Written = anyWord) {
  const parsed = z.unknown().transform((input, context): T => {
    const refuse = (message: string, fix: string) => {
      context.addIssue({ code: "custom", message, params: { fix }, input: undefined });
      return z.NEVER;
    };
    if (input === undefined) return refuse("This is missing", `Write ${form}`);
    if (input instanceof Secret) return refuse("References are read for secrets only", `Write ${form}`);
    if (typeof input !== "string") return refuse(`This is ${shown(input)} but should be one value`, `Write ${form}`);
    const result = read(input.trim());
    return result instanceof Refused ? refuse(`${shown(input)} ${result.why}`, result.fix) : result;
  });
  return parsed.meta({ ...written });
}

const readSecret = z.unknown().transform((input, context): Secret => {
  if (input instanceof Secret) return input;
  const how = `Write \${env:NAME} or \${file:path}`;
  context.addIssue({
    code: "custom",
    message: input === undefined ? "This is missing" : "A secret stands in the file itself",
    params: { fix: input === undefined ? how : `${how} and put the secret there; change it at the device if this file was ever shared` },
    input: undefined,
  });
  return z.NEVER;
});

/** A value that the machine or its maker lets nobody else see. Only a reference is accepted; the text is in no message. */
export const secret = readSecret.meta(reference);

/** A text of at most 200 characters. */
export const text = (form: string, written: Written = anyWord) =>
  value(form, (given) => (given.length > 0 && given.length <= 200 ? given : new Refused("is empty or too long", `Write ${form}`)), written);

/** A user's name; it may be a reference, but is no secret. */
export const user = z.preprocess((input) => (input instanceof Secret ? input.reveal() : input), text("the name of the user", scalar));

/** `true` or `false`. */
export const flag = value(
  "true or false",
  (given) => {
    if (given === "true" || given === "false") return given === "true";
    return new Refused("is neither true nor false", "Write true or false");
  },
  { enum: [true, false, "true", "false"] },
);

/** A whole number within bounds. */
export const whole = (least: number, most: number) =>
  value(
    `a whole number from ${least} to ${most}`,
    (given) => {
      const number = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
      return number >= least && number <= most ? number : new Refused("does not fit", `Write a whole number from ${least} to ${most}`);
    },
    {
      anyOf: [
        { type: "integer", minimum: least, maximum: most },
        { type: "string", pattern: "^\\d{1,9}$" },
      ],
    },
  );

/** One of a few words. `instead` answers words that people will try. */
export function choice<const Word extends string>(words: readonly Word[], instead: Readonly<Record<string, string>> = {}) {
  const form = words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return value(form, (given) => words.find((word) => word === given) ?? new Refused(`is not ${form}`, instead[given] ?? `Write ${form}`), {
    enum: words,
  });
}

/** A length of time longer than nothing and at most `most`. */
export const duration = (most: Duration) =>
  value(
    'a duration such as "90s", "5m" or "2h"',
    (given): Duration | Refused => {
      if (!isDuration(given)) return new Refused("is not a duration", 'Write it like "90s", "5m" or "2h"');
      const length = milliseconds(given);
      if (length > 0 && length <= milliseconds(most)) return given;
      return new Refused("is not within bounds", `Write more than nothing and at most ${most}`);
    },
    like(durationPattern, "90s", "5m", "2h"),
  );

/** A share as `0.2` or `20%`, above nothing and at most `most`. */
export const share = (most: number) =>
  value(
    "a share such as 0.2 or 20%",
    (given) => {
      const match = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(given);
      const number = match ? Number(match[1]) / (match[2] === "%" ? 100 : 1) : Number.NaN;
      if (number > 0 && number <= most) return number;
      return new Refused("does not fit", `Write a share above 0 and at most ${most}, such as 0.2 or 20%`);
    },
    { anyOf: [{ type: "number", exclusiveMinimum: 0, maximum: most }, like(/^\d{1,3}(\.\d{1,6})?%?$/, "20%")] },
  );

/** So many in so long, as a budget counts: `"2/6h"`. */
export type Limit = `${number}/${Duration}`;

/** A limit: from 1 to 100 in at most 30 days. */
export const limit = value(
  'a limit such as "2/6h"',
  (given): Limit | Refused => {
    const [count = "", window = "", ...rest] = given.split("/");
    const fits = /^\d{1,3}$/.test(count) && Number(count) >= 1 && Number(count) <= 100 && isDuration(window) && rest.length === 0;
    if (fits && milliseconds(window) > 0 && milliseconds(window) <= milliseconds("30d")) return `${Number(count)}/${window}`;
    return new Refused("is not a limit", 'Write so many in so long, such as "2/6h": from 1 to 100 in at most 30d');
  },
  like(new RegExp(`^\\d{1,3}/${durationPattern.source.slice(1)}`), "2/6h"),
);

/** A path as written; `load` makes it absolute. */
export const path = text("a path");
