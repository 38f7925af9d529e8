
import { defineTask } from "@contimg/absurd";
import { z } from "zod";
export const greet = defineTask({
  name: "greet",
  params: z.strictObject({ name: z.string() }),
  handler: ({ name }) => `hello ${name}`,
});
export const stepping = defineTask({
  name: "stepping",
  params: z.strictObject({}),
  maxRetries: 0,
  handler: async (_params, context) => {
    const name = await context.awaitEvent("name");
    await context.step("greet", () => "hello " + name);
    await context.step("part", () => "bye");
    context.log.info({ name }, "was polite");
    if (context.attempt < 3) throw new Error("not polite enough");
  },
});
export const tasks = [defineTask({
  name: "doomed",
  params: z.strictObject({}),
  maxRetries: 0,
  handler: () => { throw new Error("no such dish"); },
})];
