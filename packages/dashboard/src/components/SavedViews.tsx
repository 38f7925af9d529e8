/** Views of a page: to open, to save, to share, to remove. */
import { useQuery } from "@tanstack/react-query";
import type { SavedView } from "@contimg/contract";
import { useId, useState } from "react";

import { messageOf, useApi } from "../api/api.tsx";
import { useViewActions, type ViewPage, viewsQuery } from "../api/views.ts";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "./Dialog.tsx";
import { Menu } from "./Menu.tsx";
import { useNotify } from "./Toasts.tsx";
import { termsOfView } from "./view-text.ts";

interface SavedViewsProps {
  readonly page: ViewPage;
  /** The filter as it is now; of pages without a filter grammar, see view-text.ts. */
  readonly q: string;
  /** Empty: the page's own. */
  readonly columnIds: readonly string[];
  readonly onOpen: (view: SavedView) => void;
}

export function SavedViews({ page, q, columnIds, onOpen }: SavedViewsProps) {
  const api = useApi();
  const { actor } = useSession();
  const { data: views = [] } = useQuery(viewsQuery(api, page));
  const { remove } = useViewActions();
  const notify = useNotify();
  const [isSaving, setSaving] = useState(false);
  const current = views.find((view) => view.q === q);
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
          page={page}
          q={q}
          columnIds={columnIds}
          onClose={() => {
            setSaving(false);
          }}
        />
      )}
    </>
  );
}

function wordsOf(q: string): string {
  const terms = termsOfView(q);
  if (!terms) return q;
  return Object.entries(terms)
    .map(([key, value]) => `${key}: ${value}`)
    .join(", ");
}

function SaveDialog(props: Omit<SavedViewsProps, "onOpen"> & { onClose: () => void }) {
  const { page, q, columnIds, onClose } = props;
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
        await create.mutateAsync({
          name: name.trim(),
          page,
          q,
          columns: [...columnIds],
          shared: isShared,
        });
        notify(`Saved ${name.trim()}`);
      }}
    >
      <div className="stack">
        <p className="muted">
          {q === "" ? "All, without a filter" : <code>{wordsOf(q)}</code>}
          {columnIds.length > 0 && ", and the chosen columns"}.
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
