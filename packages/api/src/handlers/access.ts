/** Tokens, audit log and saved views: see the contract's access.ts. */
import {
  type ACCESS_ROUTES,
  type AuditEntry,
  parseDeadLetterFilter,
  parseTaskFilter,
  savedView,
  type SavedView,
  VIEW_TERMS,
  type ViewPage,
  type ViewTerms,
} from "@contimg/contract";
import type pg from "pg";

import { AccessStore, type TokenView } from "../access/access-store.ts";
import { type AuditRow, AuditStore } from "../access/audit-store.ts";
import { type ViewRow, ViewStore } from "../access/view-store.ts";
import type { HandlersOf } from "../handler.ts";
import { ApiError, parse } from "../problem.ts";
import { unreadable } from "../task-filter.ts";

/** @param onRevoked tells those that remember who holds a secret */
export function accessHandlers(
  pool: pg.Pool,
  onRevoked: (tokenId: string) => void,
): HandlersOf<typeof ACCESS_ROUTES> {
  const access = new AccessStore(pool);
  const audit = new AuditStore(pool);
  const views = new ViewStore(pool);
  return {
    async listTokens() {
      return { tokens: (await access.listTokens()).map(wireToken) };
    },
    async createToken({ body }, { actor }) {
      const { name, role, expires_in_days: expiresInDays } = body;
      const made = await access.createToken({ name, role, expiresInDays, createdBy: actor });
      return { ...wireToken(made), secret: made.secret };
    },
    async deleteToken({ params }) {
      if (!(await access.revokeToken(params.token_id))) {
        throw new ApiError("NOT_FOUND", `no token ${params.token_id}`);
      }
      onRevoked(params.token_id);
      return undefined;
    },
    async listAudit({ query }) {
      const { cursor, limit, ...filter } = query;
      const page = await audit.list(filter, { cursor, limit });
      return { entries: page.entries.map(wireEntry), next_cursor: page.cursor };
    },
    async listViews({ query }, { actor }) {
      return { views: (await views.list(actor, query.page)).map(wireView) };
    },
    async createView({ body }, { actor }) {
      assertReadable(body.page, body.terms);
      return wireView(await views.create(actor, body.page, body));
    },
    async updateView({ params, body }, { actor }) {
      if (body.terms) await assertTermsOf(views, params.view_id, actor, body.terms);
      return wireView(await views.update(params.view_id, actor, body));
    },
    async deleteView({ params }, { actor }) {
      await views.remove(params.view_id, actor);
      return undefined;
    },
  };
}

/** @throws {ApiError} NOT_FOUND, INVALID_PARAMS for another page's terms, INVALID_FILTER */
async function assertTermsOf(
  views: ViewStore,
  viewId: string,
  owner: string,
  terms: ViewTerms,
): Promise<void> {
  const page = await views.pageOf(viewId, owner);
  assertReadable(page, parse(VIEW_TERMS[page], terms, "body.terms"));
}

/** @throws {ApiError} INVALID_FILTER: what is kept under a name must be readable later */
function assertReadable(page: ViewPage, terms: ViewTerms): void {
  if (!("q" in terms) || terms.q === undefined) return;
  const read = page === "dead-letters" ? parseDeadLetterFilter : parseTaskFilter;
  const { faults } = read(terms.q, new Date());
  if (faults) throw unreadable(faults, "body.terms.q");
}

function wireToken(token: TokenView) {
  return {
    token_id: token.tokenId,
    name: token.name,
    role: token.role,
    created_at: token.createdAt.toISOString(),
    created_by: token.createdBy,
    expires_at: token.expiresAt?.toISOString() ?? null,
    last_used_at: token.lastUsedAt?.toISOString() ?? null,
  };
}

function wireEntry(entry: AuditRow): AuditEntry {
  return {
    audit_id: entry.auditId,
    at: entry.at.toISOString(),
    actor: entry.actor,
    role: entry.role,
    action: entry.action,
    target: entry.target,
    reason: entry.reason,
    // As it was stored: JSON.
    detail: entry.detail as AuditEntry["detail"],
    status: entry.status,
    request_id: entry.requestId,
  };
}

function wireView(view: ViewRow): SavedView {
  return savedView.parse({ ...view, updated_at: view.updated_at.toISOString() });
}
