/** The steps on files that a spool is made of; each has happened or not when a crash comes. */
import { mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";

export interface SpoolFs {
  makeFolder(path: string): Promise<void>;
  list(folder: string): Promise<string[]>;
  read(path: string): Promise<string>;
  modifiedMs(path: string): Promise<number>;
  /** A new file; one that exists is an error. */
  create(path: string): Promise<SpoolFile>;
  /** Makes the folder's own entries durable. */
  syncFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

export interface SpoolFile {
  write(text: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Params may be secret: only the owner reads them. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

export const DISK: SpoolFs = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  },
  list: (folder) => readdir(folder),
  read: (path) => readFile(path, "utf8"),
  modifiedMs: async (path) => (await stat(path)).mtimeMs,
  async create(path) {
    const file = await open(path, "wx", FILE_MODE);
    return {
      write: (text) => file.writeFile(text),
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  async syncFolder(path) {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  rename,
  remove: unlink,
};
