// zod as far as this package needs it. tools/zod.mts puts just that into the built package, as one file: the whole of zod, with the
// languages of its messages, took four tenths of what a program waits for this package.
export type { core, infer, output, ZodType } from "zod";
export {
  array,
  boolean,
  enum,
  int,
  looseObject,
  NEVER,
  number,
  record,
  strictObject,
  string,
  tuple,
  union,
  unknown,
} from "zod";
