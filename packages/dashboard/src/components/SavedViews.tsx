/** Views of a page: to open, to save, to share, to remove. */
import { useQuery } from "@tanstack/react-query";
import type { ViewTerms } from "@contimg/contract";
import { useId, useState } from "react";

import { messageOf, useApi } from "../api/api.tsx";
import {
  isSameView,
  termsSaid,
  useViewActions,
  type View,
  type ViewOf,
  viewsQuery,
} from "../api/views.ts";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "./Dialog.tsx";
import { Menu } from "./Menu.tsx";
import { useNotify } from "./Toasts.tsx";

interface SavedViewsProps<Shown extends View> {
  /** The page as it is now. */
  readonly view: Shown;
  readonly onOpen: (view: ViewOf<Shown["page"]>) => void;
}

export function SavedViews<Shown extends View>({ view: shown, onOpen }: SavedViewsProps<Shown>) {
  const api = useApi();
  const { actor } = useSession();
  const { data: views = [] } = useQuery(viewsQuery<Shown["page"]>(api, shown.page));
  const { remove } = useViewActions();
  const notify = useNotify();
  const [isSaving, setSaving] = useState(false);
  const current = views.find((view) => isSameView(view.terms, shown.terms));
  return (
    <>
      <Menu
        label={`${current?.name ?? "Views"} ▾`}
        items={[
          ...views.map((view) => ({
            label: view.shared ? `${view.name} (shared by ${view.owner})` : view.name,
            run: () => {
              onOpen(view);
            },
          })),
          ...(views.length > 0 ? [null] : []),
          {
            label: "Save this view…",
            run: () => {
              setSaving(true);
            },
          },
          ...(current && current.owner === actor
            ? [
                {
                  label: `Remove ${current.name}`,
                  isDangerous: true,
                  run: () => {
                    remove.mutate(current.view_id, {
                      onError: (error) => {
                        notify({ message: messageOf(error), tone: "failed" });
                      },
                    });
                  },
                },
              ]
            : []),
        ]}
      />
      {isSaving && (
        <SaveDialog
          view={shown}
          onClose={() => {
            setSaving(false);
          }}
        />
      )}
    </>
  );
}

/** A filter as it is written; other terms with their names. */
function wordsOf(terms: ViewTerms): string {
  const said = termsSaid(terms);
  const [first] = said;
  if (said.length === 1 && first?.[0] === "q") return String(first[1]);
  return said.map(([key, value]) => `${key}: ${value === true ? "yes" : value}`).join(", ");
}

function SaveDialog({ view, onClose }: { view: View; onClose: () => void }) {
  const words = wordsOf(view.terms);
  const { create } = useViewActions();
  const notify = useNotify();
  const [name, setName] = useState("");
  const [isShared, setShared] = useState(false);
  const id = useId();
  return (
    <ConfirmDialog
      title="Save this view"
      action="Save"
      reason="none"
      onClose={onClose}
      onConfirm={async () => {
        await create.mutateAsync({ ...view, name: name.trim(), shared: isShared });
        notify(`Saved ${name.trim()}`);
      }}
    >
      <div className="stack">
        <p className="muted">
          {words === "" ? "All, without a filter" : <code>{words}</code>}
          {(view.columns ?? []).length > 0 && ", and the chosen columns"}.
        </p>
        <div className="field">
          <label htmlFor={id}>Name</label>
          <input
            id={id}
            required
            maxLength={200}
            value={name}
            onChange={(event) => {
              setName(event.target.value);
            }}
          />
        </div>
        <label className="row">
          <input
            type="checkbox"
            checked={isShared}
            onChange={(event) => {
              setShared(event.target.checked);
            }}
          />
          Everybody sees it
        </label>
      </div>
    </ConfirmDialog>
  );
}
