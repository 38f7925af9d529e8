/** The top bar: menu, clock in the chosen time, whether events come live, who is signed in. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { messageOf, useApi, useConnection, useLiveState } from "../api/api.tsx";
import { formatClock, TIME_MODE_LABEL, TIME_MODES } from "../format/instant.ts";
import { beginSession } from "../session/begin-session.ts";
import { useSession } from "../session/session.tsx";
import { changeSettings, THEMES, useSettings, useTimeStyle } from "../settings/settings.ts";
import { ChoiceMenu, Menu } from "./Menu.tsx";
import { useNow } from "./now.ts";
import { useNotify } from "./Toasts.tsx";

const THEME_LABEL = { auto: "As the machine has it", light: "Light", dark: "Dark" } as const;

interface TopBarProps {
  readonly onMenu: () => void;
  readonly isMenuOpen: boolean;
  readonly onHelp: () => void;
  readonly onPalette: () => void;
}

export function TopBar({ onMenu, isMenuOpen, onHelp, onPalette }: TopBarProps) {
  const { theme } = useSettings();
  return (
    <header className="top-bar">
      <button
        className="plain icon menu-button"
        aria-label="Pages"
        aria-expanded={isMenuOpen}
        aria-controls="nav"
        onClick={onMenu}
      >
        ☰
      </button>
      <Link to="/" className="brand">
        Absurd
      </Link>
      <span className="grow" />
      <button className="palette-button" onClick={onPalette}>
        <span className="muted">Search</span> <kbd>Ctrl K</kbd>
      </button>
      <LiveMark />
      <Clock />
      <ChoiceMenu
        className="plain icon"
        label={<span aria-hidden="true">◐</span>}
        name="Colors"
        value={theme}
        choices={THEMES.map((value) => ({ value, label: THEME_LABEL[value] }))}
        onChange={(value) => {
          changeSettings({ theme: value });
        }}
      />
      <button className="plain icon wide-only" aria-label="Keys" onClick={onHelp}>
        ?
      </button>
      <Person />
    </header>
  );
}

function Clock() {
  const now = useNow();
  const style = useTimeStyle();
  return (
    <ChoiceMenu
      className="plain clock"
      title="Times: UTC, local, sidereal, MJD"
      label={formatClock(now, style)}
      value={style.mode}
      choices={TIME_MODES.map((value) => ({ value, label: TIME_MODE_LABEL[value] }))}
      onChange={(timeMode) => {
        changeSettings({ timeMode });
      }}
    />
  );
}

function LiveMark() {
  const live = useLiveState();
  const connection = useConnection();
  const isLive = live === "open" && connection.kind === "online";
  return (
    <span
      className={isLive ? "live-mark is-live" : "live-mark"}
      title={isLive ? "Changes are shown as they happen" : "Pages ask every few seconds"}
    >
      <span aria-hidden="true">{isLive ? "●" : "○"}</span>
      <span className="live-word">{isLive ? "Live" : "Polling"}</span>
    </span>
  );
}

function Person() {
  const session = useSession();
  const api = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const signOut = useMutation({
    mutationFn: () => api.client.call("signOut"),
    onSuccess: () => {
      api.setCsrfToken(null);
      const nobody = { actor: null, role: null, csrf_token: null, expires_at: null };
      beginSession(queries, { ...session, ...nobody });
    },
    onError: (error) => {
      notify({ message: messageOf(error), tone: "failed" });
    },
  });
  if (!session.auth_required) return null;
  return (
    <Menu
      className="plain"
      label={
        <>
          {session.actor} <span className="muted">{session.role}</span>
        </>
      }
      items={[
        {
          label: "Sign out",
          run: () => {
            signOut.mutate();
          },
        },
      ]}
    />
  );
}
