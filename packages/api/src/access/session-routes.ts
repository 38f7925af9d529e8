/** Signing in and out: the routes that set a cookie. */
import { ACCESS_ROUTES, type Session } from "@contimg/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { parse } from "../problem.ts";
import { pathOf } from "../serve-routes.ts";
import { type Access, cookieOf, SESSION_COOKIE } from "./access.ts";
import type { AccessStore } from "./access-store.ts";
import { csrfTokenOf } from "./secret.ts";

export interface SessionRoutesOptions {
  readonly access: Access;
  readonly store: AccessStore;
  /** Where the cookie is sent: the server's base path, or /. */
  readonly cookiePath: string;
}

export function serveSession(app: FastifyInstance, options: SessionRoutesOptions): void {
  const { access, store, cookiePath } = options;
  const { getSession, signIn, signOut } = ACCESS_ROUTES;

  app.route({
    method: getSession.method,
    url: pathOf(getSession),
    config: { routeName: "getSession" },
    handler: (request, reply) => answer(reply, 200, sessionOf(request, access)),
  });

  app.route({
    method: signIn.method,
    url: pathOf(signIn),
    config: { routeName: "signIn" },
    handler: async (request, reply) => {
      const { token } = parse(signIn.body, request.body ?? {}, "body");
      const holder = await access.holderOf(token, request.ip);
      request.caller = { actor: holder.name, role: holder.role, tokenId: holder.tokenId };
      request.auditNote.target = holder.name;
      const opened = await store.openSession(holder);
      setCookie(reply, opened.secret, opened.expiresAt, cookiePath, request.protocol === "https");
      return answer(reply, 201, {
        actor: holder.name,
        role: holder.role,
        auth_required: access.isRequired,
        csrf_token: csrfTokenOf(opened.secret),
        expires_at: opened.expiresAt.toISOString(),
      });
    },
  });

  app.route({
    method: signOut.method,
    url: pathOf(signOut),
    config: { routeName: "signOut" },
    handler: async (request, reply) => {
      const secret = cookieOf(request, SESSION_COOKIE);
      if (secret !== undefined) {
        access.forgetSecret(secret);
        await store.closeSession(secret);
      }
      setCookie(reply, "", new Date(0), cookiePath, request.protocol === "https");
      return reply.code(204).send();
    },
  });
}

function sessionOf({ caller }: FastifyRequest, access: Access): Session {
  return {
    actor: caller?.actor ?? null,
    role: caller?.role ?? null,
    auth_required: access.isRequired,
    csrf_token: caller?.session === undefined ? null : csrfTokenOf(caller.session),
    expires_at: caller?.expiresAt?.toISOString() ?? null,
  };
}

function answer(reply: FastifyReply, status: number, session: Session): FastifyReply {
  return reply.code(status).header("cache-control", "no-store").send(session);
}

function setCookie(
  reply: FastifyReply,
  secret: string,
  expiresAt: Date,
  path: string,
  isSecure: boolean,
): void {
  const parts = [
    `${SESSION_COOKIE}=${secret}`,
    `Path=${path}`,
    `Expires=${expiresAt.toUTCString()}`,
    "HttpOnly",
    "SameSite=Strict",
    ...(isSecure ? ["Secure"] : []),
  ];
  reply.header("set-cookie", parts.join("; "));
}
