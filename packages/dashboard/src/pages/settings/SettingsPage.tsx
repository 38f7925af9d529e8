/** Settings: what this browser shows and how; of an admin, the tokens. */
import { useId, useState } from "react";

import { Page } from "../../components/Page.tsx";
import { formatInstant, TIME_MODE_LABEL, TIME_MODES } from "../../format/instant.ts";
import { useNow } from "../../components/now.ts";
import { useMay, useSession } from "../../session/session.tsx";
import { changeSettings, DENSITIES, THEMES, useSettings } from "../../settings/settings.ts";
import { Tokens } from "./Tokens.tsx";
import "./settings.css";

const THEME_LABEL = { auto: "As the machine has it", light: "Light", dark: "Dark" } as const;

const DENSITY_LABEL = { comfortable: "At ease", compact: "Close together" } as const;

export function SettingsPage() {
  const session = useSession();
  const isAdmin = useMay("admin");
  return (
    <Page title="Settings">
      <div className="settings stack">
        <Display />
        <section className="panel">
          <header>
            <h2>Who you are</h2>
          </header>
          <p className="body">
            {session.auth_required
              ? `${session.actor ?? "Nobody"}, ${session.role ?? "without a role"}`
              : "This server asks nobody: only this machine reaches it, and who does is an admin."}
          </p>
        </section>
        {isAdmin && <Tokens />}
      </div>
    </Page>
  );
}

/** The browser asks the person; what it answers is said here. */
function DesktopNotes({ isOn }: { isOn: boolean }) {
  const [isRefused, setRefused] = useState(false);
  async function change(wants: boolean): Promise<void> {
    if (!wants) {
      changeSettings({ notifies: false });
      return;
    }
    const answer = "Notification" in window ? await Notification.requestPermission() : "denied";
    setRefused(answer !== "granted");
    changeSettings({ notifies: answer === "granted" });
  }
  return (
    <fieldset>
      <legend>On the desktop</legend>
      <label className="row">
        <input
          type="checkbox"
          checked={isOn}
          onChange={(event) => void change(event.target.checked)}
        />
        Say what newly needs somebody while this page is out of sight
      </label>
      {isRefused && (
        <p className="warn-text" role="alert">
          The browser does not allow it. Allow notes for this address in its own settings first.
        </p>
      )}
    </fieldset>
  );
}

interface ChoiceProps<Value extends string> {
  readonly legend: string;
  readonly values: readonly Value[];
  readonly labels: Readonly<Record<Value, string>>;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  /** What stands behind a value's label. */
  readonly noteOf?: (value: Value) => string;
}

function Choice<Value extends string>(props: ChoiceProps<Value>) {
  const { legend, values, labels, value, onChange, noteOf } = props;
  const name = useId();
  return (
    <fieldset>
      <legend>{legend}</legend>
      {values.map((each) => (
        <label key={each} className="row">
          <input
            type="radio"
            name={name}
            checked={value === each}
            onChange={() => {
              onChange(each);
            }}
          />
          {labels[each]}
          {noteOf && <span className="muted">{noteOf(each)}</span>}
        </label>
      ))}
    </fieldset>
  );
}

function Display() {
  const settings = useSettings();
  const now = useNow();
  const id = useId();
  const style = { mode: settings.timeMode, longitudeDeg: settings.longitudeDeg };
  return (
    <section className="panel">
      <header>
        <h2>This browser</h2>
      </header>
      <div className="body stack">
        <Choice
          legend="Colors"
          values={THEMES}
          labels={THEME_LABEL}
          value={settings.theme}
          onChange={(theme) => {
            changeSettings({ theme });
          }}
        />
        <Choice
          legend="Rows"
          values={DENSITIES}
          labels={DENSITY_LABEL}
          value={settings.density}
          onChange={(density) => {
            changeSettings({ density });
          }}
        />
        <DesktopNotes isOn={settings.notifies} />
        <Choice
          legend="Times"
          values={TIME_MODES}
          labels={TIME_MODE_LABEL}
          value={settings.timeMode}
          onChange={(timeMode) => {
            changeSettings({ timeMode });
          }}
          noteOf={(mode) => formatInstant(now, { ...style, mode })}
        />
        <div className="field">
          <label htmlFor={id}>Longitude of the telescope, degrees, east positive</label>
          <input
            id={id}
            type="number"
            min={-180}
            max={180}
            step="any"
            defaultValue={settings.longitudeDeg}
            onChange={(event) => {
              const longitudeDeg = event.target.valueAsNumber;
              if (Math.abs(longitudeDeg) <= 180) changeSettings({ longitudeDeg });
            }}
          />
          <p className="muted small">LST is mean sidereal time there, to a second.</p>
        </div>
        <div>
          <button
            onClick={() => {
              changeSettings({ columns: {} });
            }}
          >
            Give all tables their own columns again
          </button>
        </div>
      </div>
    </section>
  );
}
