/** What is around every page: navigation, top bar, what is wrong with the connection, keys. */
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";

import { formatCount } from "../format/quantity.ts";
import { NAV, NAV_PAGES } from "../nav.ts";
import { SessionGate } from "../session/session.tsx";
import { changeSettings, useSettings } from "../settings/settings.ts";
import { useAttention, useNeeds } from "./attention.ts";
import { CommandPalette } from "./CommandPalette.tsx";
import { ConnectionBanner } from "./ConnectionBanner.tsx";
import { KeyboardHelp } from "./KeyboardHelp.tsx";
import { type KeyBinding, useKeys } from "./keys.ts";
import { ToastProvider } from "./Toasts.tsx";
import { TopBar } from "./TopBar.tsx";
import "./AppShell.css";

export function AppShell() {
  return (
    <SessionGate>
      <ToastProvider>
        <Frame />
      </ToastProvider>
    </SessionGate>
  );
}

function Frame() {
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const { navCollapsed } = useSettings();
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    setMenuOpen(false);
  }, [path]);
  const openHelp = useCallback(() => {
    setHelpOpen(true);
  }, []);
  const openPalette = useCallback(() => {
    setPaletteOpen(true);
  }, []);
  useNavKeys(openHelp, openPalette);
  const needs = useNeeds();
  useAttention(needs);
  const isCollapsed = navCollapsed && !isMenuOpen;
  return (
    <div className={isCollapsed ? "frame is-collapsed" : "frame"}>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          // The address has a <base>: following the link would leave the page.
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the content
      </a>
      <TopBar
        onMenu={() => {
          setMenuOpen((isOpen) => !isOpen);
        }}
        isMenuOpen={isMenuOpen}
        onHelp={openHelp}
        onPalette={openPalette}
      />
      <Navigation isOpen={isMenuOpen} needCount={needs?.length ?? 0} />
      <div className="content">
        <ConnectionBanner />
        <Outlet />
      </div>
      {isPaletteOpen && (
        <CommandPalette
          onClose={() => {
            setPaletteOpen(false);
          }}
        />
      )}
      {isHelpOpen && (
        <KeyboardHelp
          onClose={() => {
            setHelpOpen(false);
          }}
        />
      )}
    </div>
  );
}

function useNavKeys(onHelp: () => void, onPalette: () => void): void {
  const navigate = useNavigate();
  const bindings = useMemo<KeyBinding[]>(
    () => [
      ...NAV_PAGES.map((page) => ({
        keys: `g ${page.key}`,
        label: `Go to ${page.label.toLowerCase()}`,
        run: () => void navigate({ to: page.to }),
      })),
      {
        keys: "[",
        label: "Fold the navigation",
        run: () => {
          changeSettings({ navCollapsed: !document.querySelector(".frame.is-collapsed") });
        },
      },
      { keys: "ctrl+k", label: "Go to, or do", run: onPalette },
      { keys: "?", label: "Show the keys", run: onHelp },
    ],
    [navigate, onHelp, onPalette],
  );
  useKeys("Everywhere", bindings);
}

function Navigation({ isOpen, needCount }: { isOpen: boolean; needCount: number }) {
  return (
    <nav id="nav" className={isOpen ? "nav is-open" : "nav"} aria-label="Pages">
      {NAV.map((group) => (
        <div key={group.title} className="nav-group">
          <p className="nav-title">{group.title}</p>
          <ul>
            {group.pages.map((page) => (
              <li key={page.to}>
                <Link
                  to={page.to}
                  className="nav-link"
                  activeOptions={{ exact: page.to === "/", includeSearch: false }}
                  activeProps={{ "aria-current": "page" }}
                >
                  {page.label}
                  {page.to === "/" && needCount > 0 && (
                    <span className="nav-count">
                      {formatCount(needCount)}
                      <span className="hidden-text"> need you</span>
                    </span>
                  )}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
