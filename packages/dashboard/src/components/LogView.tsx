/** Log lines: only those in sight are drawn; follows the end until somebody scrolls up. */
import { LOG_LEVELS, type LogLine } from "@contimg/contract";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";

import { formatCount, formatCountOf } from "../format/quantity.ts";
import { parseAnsi } from "./ansi.ts";
import { CopyButton } from "./CopyButton.tsx";
import { Instant } from "./Instant.tsx";
import { fieldsText, logFile, type LogLevel, shownLines } from "./log.model.ts";
import { EmptyState } from "./states.tsx";
import "./LogView.css";

interface LogViewProps {
  readonly lines: readonly LogLine[];
  /** Nothing comes any more. */
  readonly isEnded: boolean;
  /** Of the file that is downloaded. */
  readonly fileName: string;
}

const LINE_HEIGHT = 22;
const LEVEL_LABEL: Readonly<Record<LogLevel, string>> = {
  info: "All levels",
  warn: "Warnings and errors",
  error: "Errors",
};

export function LogView({ lines, isEnded, fileName }: LogViewProps) {
  const [level, setLevel] = useState<LogLevel>("info");
  const [search, setSearch] = useState("");
  const [isWrapped, setWrapped] = useState(false);
  const [isFollowing, setFollowing] = useState(!isEnded);
  const wanted = useDeferredValue(search);
  const shown = useMemo(() => shownLines(lines, { level, search: wanted }), [lines, level, wanted]);
  return (
    <section className="log" aria-label="Log">
      <div className="log-head">
        <input
          type="search"
          aria-label="Search the log"
          placeholder="Search"
          value={search}
          onChange={(event) => {
            setSearch(event.target.value);
          }}
        />
        <select
          aria-label="Level"
          value={level}
          onChange={(event) => {
            setLevel(LOG_LEVELS.find((each) => each === event.target.value) ?? "info");
          }}
        >
          {LOG_LEVELS.map((each) => (
            <option key={each} value={each}>
              {LEVEL_LABEL[each]}
            </option>
          ))}
        </select>
        <Check label="Wrap" isOn={isWrapped} onChange={setWrapped} />
        <Check label="Follow" isOn={isFollowing} onChange={setFollowing} />
        <span className="muted small grow number">
          {shown.length === lines.length
            ? formatCountOf(lines.length, "line")
            : `${formatCount(shown.length)} of ${formatCountOf(lines.length, "line")}`}
          {isEnded ? "" : ", more to come"}
        </span>
        <CopyButton text={() => logFile(shown)} />
        <button
          type="button"
          className="plain small"
          onClick={() => {
            download(fileName, logFile(shown));
          }}
        >
          Download
        </button>
      </div>
      {shown.length === 0 ? (
        <EmptyState title={lines.length === 0 ? "Nothing was logged." : "No line fits."} />
      ) : (
        <Lines
          lines={shown}
          isWrapped={isWrapped}
          isFollowing={isFollowing}
          onScrolledUp={() => {
            setFollowing(false);
          }}
        />
      )}
    </section>
  );
}

function Check(props: { label: string; isOn: boolean; onChange: (isOn: boolean) => void }) {
  return (
    <label className="row small">
      <input
        type="checkbox"
        checked={props.isOn}
        onChange={(event) => {
          props.onChange(event.target.checked);
        }}
      />
      {props.label}
    </label>
  );
}

function Lines(props: {
  lines: readonly LogLine[];
  isWrapped: boolean;
  isFollowing: boolean;
  onScrolledUp: () => void;
}) {
  const { lines, isWrapped, isFollowing, onScrolledUp } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 20,
    getItemKey: (index) => lines[index]!.line,
  });
  useEffect(() => {
    virtualizer.measure();
  }, [virtualizer, isWrapped]);
  useEffect(() => {
    if (isFollowing) virtualizer.scrollToIndex(lines.length - 1, { align: "end" });
  }, [virtualizer, lines.length, isFollowing]);
  return (
    <div
      ref={scroller}
      className={isWrapped ? "log-lines is-wrapped" : "log-lines"}
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label="Lines"
      onWheel={(event) => {
        if (event.deltaY < 0) onScrolledUp();
      }}
    >
      <div className="log-canvas" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => (
          <div
            key={item.key}
            ref={virtualizer.measureElement}
            data-index={item.index}
            className="log-place"
            style={{ transform: `translateY(${item.start}px)` }}
          >
            <Line line={lines[item.index]!} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Line({ line }: { line: LogLine }) {
  const fields = fieldsText(line);
  return (
    <div className={`log-line is-${line.level}`}>
      <span className="log-time">
        <Instant at={line.at} />
      </span>
      <span className="log-level">{line.level === "info" ? "" : line.level}</span>
      <span className="log-text">
        {parseAnsi(line.message).map((span, index) => (
          <span key={index} className={span.classes || undefined}>
            {span.text}
          </span>
        ))}
        {fields !== "" && <span className="muted"> {fields}</span>}
      </span>
    </div>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
