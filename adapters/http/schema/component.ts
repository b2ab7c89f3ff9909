import type { z } from "zod";

/** The answers' schemas that the OpenAPI document names and refers to. */
export const components = new Map<string, z.ZodType>();

/** A type without `readonly`, and with what may be absent told apart from what is there: two types are the same when these are. */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? {
        -readonly [Key in keyof T]-?: Partial<Pick<T, Key>> extends Pick<T, Key>
          ? { maybe: Plain<Exclude<T[Key], undefined>> }
          : Plain<T[Key]>;
      }
    : T;

type Same<A, B> = [Plain<A>] extends [Plain<B>] ? ([Plain<B>] extends [Plain<A>] ? unknown : never) : never;

/**
 * Names the schema of what the API answers. It does not compile unless the schema has exactly the fields of `Type`, so that what is
 * documented and what is answered stay one.
 */
export const component =
  <Type>() =>
  <Schema extends z.ZodType>(id: string, schema: Schema & Same<Type, z.output<Schema>>): Schema => {
    components.set(id, schema);
    return schema;
  };
