/** Disks that fill up: small file systems in memory, where this machine allows them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Unmounted when it goes out of scope. */
interface SmallDisk extends Disposable {
  readonly folder: string;
}

/** Mounts a file system of that size on an existing folder, over what is in it. */
export function mountSmallDisk(folder: string, sizeBytes: number): SmallDisk {
  const size = `size=${sizeBytes}`;
  execFileSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", folder], { stdio: "ignore" });
  return {
    folder,
    [Symbol.dispose]: () => {
      execFileSync("umount", [folder]);
    },
  };
}

/** False in most containers: mounting is root's. */
export function canMountDisks(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "mount-"));
  try {
    mountSmallDisk(folder, 2 ** 20)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}
