/** Wires the page: client, cache, router. */
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { ApiProvider, createApi, createQueryClient } from "./api/api.tsx";
import { basePathOf, createHttp } from "./api/http.ts";
import { createPageRouter } from "./router.tsx";
import { followTheme } from "./settings/settings.ts";
import "./theme.css";

followTheme();

const basePath = basePathOf(document.baseURI);
const queries = createQueryClient();
const api = createApi(createHttp({ basePath }), queries);
const router = createPageRouter(basePath);

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <ApiProvider value={api}>
        <RouterProvider router={router} />
      </ApiProvider>
    </QueryClientProvider>
  </StrictMode>,
);
