/** A button that opens a list of actions. Not modal: see Dialog.tsx for why. */
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";

import "./Menu.css";

export interface MenuItem {
  readonly label: string;
  readonly run: () => void;
  readonly isDangerous?: boolean;
  readonly isDisabled?: boolean;
  /** A key to be shown. */
  readonly hint?: string;
}

interface MenuProps {
  readonly label: ReactNode;
  /** For a button without words. */
  readonly name?: string;
  /** null is a line between groups. */
  readonly items: readonly (MenuItem | null)[];
  readonly className?: string;
  readonly isOpenAtFirst?: boolean;
}

export function Menu({ label, name, items, className = "", isOpenAtFirst = false }: MenuProps) {
  return (
    <DropdownMenu.Root modal={false} defaultOpen={isOpenAtFirst}>
      <DropdownMenu.Trigger className={className} aria-label={name}>
        {label}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          {items.map((item, index) =>
            item ? (
              <DropdownMenu.Item
                key={item.label}
                className={item.isDangerous ? "menu-item is-danger" : "menu-item"}
                disabled={item.isDisabled ?? false}
                onSelect={item.run}
              >
                <span className="grow">{item.label}</span>
                {item.hint && <kbd>{item.hint}</kbd>}
              </DropdownMenu.Item>
            ) : (
              <DropdownMenu.Separator key={index} className="menu-line" />
            ),
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface ChoiceMenuProps<Value extends string> {
  readonly label: ReactNode;
  /** For a button without words. */
  readonly name?: string;
  readonly value: Value;
  readonly choices: readonly { readonly value: Value; readonly label: string }[];
  readonly onChange: (value: Value) => void;
  readonly className?: string;
  readonly title?: string;
}

/** One of a few, as radio items. */
export function ChoiceMenu<Value extends string>(props: ChoiceMenuProps<Value>) {
  const { label, name, value, choices, onChange, className = "" } = props;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={className} aria-label={name} title={props.title}>
        {label}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          <DropdownMenu.RadioGroup
            value={value}
            onValueChange={(chosen) => {
              const choice = choices.find((each) => each.value === chosen);
              if (choice) onChange(choice.value);
            }}
          >
            {choices.map((choice) => (
              <DropdownMenu.RadioItem key={choice.value} value={choice.value} className="menu-item">
                <span className="menu-mark">
                  <DropdownMenu.ItemIndicator>✓</DropdownMenu.ItemIndicator>
                </span>
                {choice.label}
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface CheckMenuProps {
  readonly label: ReactNode;
  readonly name: string;
  readonly items: readonly { readonly id: string; readonly label: string }[];
  readonly checked: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
}

/** Any of some; it stays open while they are chosen. */
export function CheckMenu({ label, name, items, checked, onToggle }: CheckMenuProps) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger aria-label={name}>{label}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          {items.map((item) => (
            <DropdownMenu.CheckboxItem
              key={item.id}
              className="menu-item"
              checked={checked.has(item.id)}
              onSelect={(event) => {
                event.preventDefault();
              }}
              onCheckedChange={() => {
                onToggle(item.id);
              }}
            >
              <span className="menu-mark">
                <DropdownMenu.ItemIndicator>✓</DropdownMenu.ItemIndicator>
              </span>
              {item.label}
            </DropdownMenu.CheckboxItem>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
