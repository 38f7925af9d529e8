/** Where the built pages are, for the server that serves them. */
import { fileURLToPath } from "node:url";

export const BUILD_FOLDER = fileURLToPath(new URL("../build", import.meta.url));
