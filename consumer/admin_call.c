/* Owns the way of commands to the running instance (libcurl). */
#include "consumer/admin_call.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/ban.h"

enum { TIMEOUT_MS = 10000, MAX_ANSWER_BYTES = 16 * 1024 * 1024 };

/* Where one listens on all addresses, it is asked at its own. */
static int url_make(const struct mr_admin_call *call, char *out, size_t size, struct mr_err *err)
{
    const char *colon = strrchr(call->listen, ':');
    int host = colon != NULL ? (int)(colon - call->listen) : 0;
    bool any4 = host == 7 && strncmp(call->listen, "0.0.0.0", 7) == 0;
    bool any6 = host == 4 && strncmp(call->listen, "[::]", 4) == 0;

    if (host == 0 || strcmp(colon, ":0") == 0)
        return mr_err_set(err, MR_CONFIG_INVALID,
                          "http.listen = \"%.100s\": the running instance is reached by it: write "
                          "address:port",
                          call->listen);
    int n = any4   ? snprintf(out, size, "http://127.0.0.1%s%s", colon, call->path)
            : any6 ? snprintf(out, size, "http://[::1]%s%s", colon, call->path)
                   : snprintf(out, size, "http://%s%s", call->listen, call->path);
    return n > 0 && (size_t)n < size
               ? 0
               : mr_err_set(err, MR_CONFIG_INVALID, "http.listen is too long");
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct mr_buf *answer = arg;

    if (size * n > MAX_ANSWER_BYTES - answer->len)
        return 0;
    mr_buf_add(answer, bytes, size * n);
    return mr_buf_ok(answer) ? size * n : 0;
}

static struct curl_slist *headers_make(const struct mr_admin_call *call)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    char line[512];
    int n = snprintf(line, sizeof line, "Authorization: Bearer %s", call->bearer_token);
    struct curl_slist *more = headers;

    if (more != NULL && call->body != NULL)
        more = curl_slist_append(headers, MR_ADMIN_HEADER ": 1");
    if (more != NULL && *call->bearer_token != '\0' && n > 0 && (size_t)n < sizeof line)
        more = curl_slist_append(headers, line);
    if (more == NULL) {
        curl_slist_free_all(headers);
        return NULL;
    }
    return headers;
}

static void options_set(CURL *curl, const struct mr_admin_call *call, const char *url)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "millrace");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    if (call->body == NULL)
        return;
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body->len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)call->body->data);
}

int mr_admin_call(const struct mr_admin_call *call, long *status, struct mr_buf *answer,
                  struct mr_err *err)
{
    char url[512];
    char why[CURL_ERROR_SIZE] = "";
    int rc = url_make(call, url, sizeof url, err);

    if (rc < 0)
        return rc;
    struct curl_slist *headers = headers_make(call);
    CURL *curl = curl_easy_init();
    if (curl == NULL || headers == NULL) {
        rc = mr_err_set(err, MR_NO_MEMORY, "no memory for a question");
        goto out;
    }
    options_set(curl, call, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        rc = mr_err_set(err, MR_INSTANCE_AWAY, "%s: %s", url,
                        *why != '\0' ? why : curl_easy_strerror(code));
    else
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
out:
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return rc;
}
