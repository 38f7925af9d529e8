/** The keys that work now. */
import { Dialog } from "./Dialog.tsx";
import { useKeyGroups } from "./keys.ts";
import "./KeyboardHelp.css";

export function KeyboardHelp({ onClose }: { onClose: () => void }) {
  const groups = useKeyGroups().filter((group) => group.bindings.length > 0);
  return (
    <Dialog title="Keys" onClose={onClose} size="wide">
      <div className="keys dialog-body">
        {groups.toReversed().map((group, index) => (
          <section key={`${group.title} ${index}`}>
            <h3>{group.title}</h3>
            <dl>
              {group.bindings.map((binding) => (
                <div key={binding.keys} className="key-line">
                  <dt>
                    {binding.keys.split(" ").map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{binding.label}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
