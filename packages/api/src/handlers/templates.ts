/** Templates of workflows: see the contract's workflow.ts. */
import { type AbsurdClient, TemplateNotFound } from "@contimg/absurd";
import type { TEMPLATE_ROUTES } from "@contimg/contract";

import type { HandlersOf } from "../handler.ts";
import { ApiError } from "../problem.ts";
import { given, isKeyOurs, wireObject, workKey } from "./wire-values.ts";
import { templateOf, wireTemplate } from "./workflow-wire.ts";

export function templateHandlers({
  client,
}: {
  readonly client: AbsurdClient;
}): HandlersOf<typeof TEMPLATE_ROUTES> {
  const { workflows } = client;
  return {
    async listTemplates() {
      const templates = (await workflows.listTemplates()).map(wireTemplate);
      return { templates, total: templates.length };
    },
    async createTemplate({ body: { name, ...definition } }) {
      if (await exists(client, name)) {
        throw new ApiError(
          "ALREADY_EXISTS",
          `there is a template "${name}"; PUT a new version of it, or choose another name`,
        );
      }
      await workflows.defineTemplate(templateOf(name, definition));
      return wireTemplate(await workflows.showTemplate(name));
    },
    async getTemplate({ params: { template_name: name }, query: { version } }) {
      return wireTemplate(await workflows.showTemplate(name, version));
    },
    async updateTemplate({ params: { template_name: name }, body }) {
      await workflows.showTemplate(name);
      await workflows.defineTemplate(templateOf(name, body));
      return wireTemplate(await workflows.showTemplate(name));
    },
    async deleteTemplate({ params: { template_name: name } }) {
      await workflows.deleteTemplate(name);
      return undefined;
    },
    async planTemplate({ params: { template_name: name }, query: { version }, body }) {
      const plan = await workflows.planTemplate(name, body.params, version);
      return {
        version: plan.version,
        params: wireObject(plan.params),
        nodes: plan.nodes.map(wireObject),
      };
    },
    async runTemplate({ params: { template_name: name }, query: { version }, body }, { workId }) {
      const own = body.idempotency_key;
      const { workflowId, created } = await workflows.spawnTemplate(
        name,
        body.params,
        given({ version, idempotencyKey: own ?? (workId && workKey(workId)) }),
      );
      return { workflow_id: workflowId, created: created || isKeyOurs(own, workId) };
    },
  };
}

async function exists(client: AbsurdClient, name: string): Promise<boolean> {
  try {
    await client.workflows.showTemplate(name);
    return true;
  } catch (error) {
    if (error instanceof TemplateNotFound) return false;
    throw error;
  }
}
