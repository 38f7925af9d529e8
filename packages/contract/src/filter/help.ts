/** The grammar for people: rows of a help page and of the command line's help. */
import { TASK_FIELDS } from "./fields.ts";
import { signsOf } from "./parse.ts";

export interface FilterHelpRow {
  /** An example that can be typed as it stands. */
  readonly example: string;
  readonly meaning: string;
  /** How the field is compared; empty for the rules of the grammar. */
  readonly signs: string;
}

const RULES: readonly FilterHelpRow[] = [
  {
    example: "status:failed name:imaging",
    meaning: "both must hold; a space stands between terms",
    signs: "",
  },
  { example: "status:failed,cancelled", meaning: "any of the values", signs: "" },
  { example: "-tag:test", meaning: "not so", signs: "" },
  { example: "name:imag*", meaning: "begins with; * alone: has a value", signs: "" },
  { example: "message:~timeout", meaning: "contains, in capitals or not", signs: "" },
  { example: 'message:~"no such file"', meaning: 'quotes around spaces, commas, ", *', signs: "" },
  {
    example: "timeout",
    meaning:
      "a word alone: in the name, tags, params, correlation id, key or error; or a task's id",
    signs: "",
  },
];

/** The rules of the grammar, then its fields. */
export function taskFilterHelp(): readonly FilterHelpRow[] {
  return [
    ...RULES,
    ...TASK_FIELDS.map((each) => ({
      example: each.example,
      meaning:
        each.values && each.kind === "choice"
          ? `${each.description}: ${each.values.join(", ")}`
          : each.description,
      signs: signsOf(each),
    })),
  ];
}
