/** The build of the pages: relative addresses, so that it works below any path. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  plugins: [react()],
  build: {
    outDir: "build",
    emptyOutDir: true,
    target: "es2023",
    // Browsers of the last two years know light-dark(); nothing has to be rewritten.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // A strict content security policy takes neither inline scripts nor data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    reportCompressedSize: false,
    // bundle.test.ts holds what the first page may weigh.
    chunkSizeWarningLimit: 1_000,
  },
});
