/* A client of Tidegate's binary protocol in C: tidegate.h for the layouts, OpenSSL's libcrypto for Ed25519.
 *
 *   lines on stdin --> [on_command] --frames--> gateway --frames--> [on_frame] --> lines on stdout
 *
 * It answers the challenge, asks for the reports after the last one it has, checks that their numbers have no gap, and sends
 * again, with the same numbers, what has no answer. So a lost connection, or a node that another one replaces, costs no order
 * and makes none twice. One thread; `run` is the only place that waits.
 *
 *   cc -std=c99 -I ../wire/include tidegate_client.c -lcrypto -o tidegate_client
 *   tidegate_client KEY_ID KEY_FILE HOST:PORT [HOST:PORT ..]
 *
 *   new BUY|SELL MARKET PRICE_TICKS QTY_LOTS GTC|IOC|FOK     cancel REQUEST     resend REQUEST     logout
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tidegate.h"

enum {
    ADDRESSES_MAX = 8,
    REQUESTS_MAX = 4096, /* Requests of one run; an example keeps all of them. */
    HEARTBEAT_MS = 5000,
    RECONNECT_PAUSE_MS = 50,
    LINE_MAX_BYTES = 256
};

/* A request as it was sent, to be sent again as it was. */
struct request {
    uint8_t frame[64];
    size_t length;
    int is_unanswered;
};

static struct {
    const char *addresses[ADDRESSES_MAX];
    int addresses_count;
    int next_address;
    uint32_t key;
    EVP_PKEY *secret;
    int socket; /* -1 where there is no connection. */
    int is_logged_on;
    int is_ended;
    uint64_t last_session_sequence;
    uint64_t first_request; /* Number of requests[0]. */
    uint64_t requests_count;
    struct request requests[REQUESTS_MAX];
    uint8_t input[65536];
    size_t input_length;
    int64_t last_sent_ms;
    int64_t last_heard_ms;
} client;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("tidegate_client: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void disconnect_(void) {
    if (client.socket >= 0) {
        close(client.socket);
    }
    client.socket = -1;
    client.is_logged_on = 0;
    client.input_length = 0;
}

static void send_bytes(const uint8_t *bytes, size_t length) {
    client.last_sent_ms = now_ms();
    while (length > 0 && client.socket >= 0) {
        ssize_t sent = send(client.socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            disconnect_();
            return;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void send_message(uint16_t template_id, const void *block, uint16_t block_length) {
    uint8_t frame[TIDEGATE_FRAME_LENGTH_MAX];
    send_bytes(frame, tidegate_encode(frame, template_id, block, block_length));
}

/* Connects to the next address; what comes then is read by `run`. */
static void connect_(void) {
    char host[LINE_MAX_BYTES];
    struct addrinfo hints, *found = NULL;
    const char *address = client.addresses[client.next_address++ % client.addresses_count];
    const char *colon = strrchr(address, ':');
    int on = 1;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host) {
        fail("%s is no HOST:PORT", address);
    }
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        fail("no address for %s", address);
    }
    client.socket = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (client.socket >= 0 && connect(client.socket, found->ai_addr, found->ai_addrlen) != 0) {
        disconnect_();
    }
    freeaddrinfo(found);
    if (client.socket >= 0) {
        setsockopt(client.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        client.last_heard_ms = now_ms();
    }
}

static void on_challenge(const uint8_t *frame) {
    struct tidegate_challenge challenge;
    struct tidegate_logon logon;
    uint8_t signed_bytes[TIDEGATE_LOGON_BYTES_LENGTH];
    size_t signature_length = sizeof logon.signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (tidegate_decode(frame, &challenge, sizeof challenge) != 0) {
        fail("the challenge is too short");
    }
    memset(&logon, 0, sizeof logon);
    logon.key = client.key;
    logon.heartbeat_ms = HEARTBEAT_MS;
    logon.last_session_sequence = client.last_session_sequence;
    logon.mode = TIDEGATE_SESSION_MODE_TRADING;
    tidegate_logon_bytes(&challenge, client.key, signed_bytes);
    if (context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, client.secret) != 1 ||
        EVP_DigestSign(context, logon.signature, &signature_length, signed_bytes, sizeof signed_bytes) != 1) {
        fail("libcrypto cannot sign");
    }
    EVP_MD_CTX_free(context);
    send_message(TIDEGATE_TEMPLATE_LOGON, &logon, sizeof logon);
}

/* The request with a number, or NULL where this run did not send it. */
static struct request *request_of(uint64_t number) {
    if (number < client.first_request || number - client.first_request >= client.requests_count) {
        return NULL;
    }
    return &client.requests[number - client.first_request];
}

static void on_replay_done(void) {
    uint64_t at;
    client.is_logged_on = 1;
    printf("replay_done report_mark=%" PRIu64 "\n", client.last_session_sequence);
    for (at = 0; at < client.requests_count; at++) {
        if (client.requests[at].is_unanswered) {
            printf("resent request=%" PRIu64 "\n", client.first_request + at);
            send_bytes(client.requests[at].frame, client.requests[at].length);
        }
    }
}

static void on_logon_accepted(const uint8_t *frame) {
    struct tidegate_logon_accepted accepted;
    if (tidegate_decode(frame, &accepted, sizeof accepted) != 0) {
        fail("the answer to the logon is too short");
    }
    if (client.requests_count == 0) {
        client.first_request = accepted.request_mark + 1;
    }
    printf("logged_on request_mark=%" PRIu64 " report_mark=%" PRIu64 "\n", accepted.request_mark,
           accepted.report_mark);
}

static void advance(uint64_t first, uint64_t last) {
    if (first != client.last_session_sequence + 1) {
        fail("report %" PRIu64 " came after %" PRIu64 ": one is missing", first, client.last_session_sequence);
    }
    client.last_session_sequence = last;
}

static void on_report(const struct tidegate_frame_header *header, const uint8_t *frame) {
    struct tidegate_report_head head;
    struct request *request;
    if (tidegate_decode(frame, &head, sizeof head) != 0) {
        fail("a report is too short");
    }
    advance(head.session_sequence, head.session_sequence);
    /* Any report of a request says that it was applied, and what else there is of it follows or is replayed. */
    request = request_of(head.request);
    if (request != NULL) {
        request->is_unanswered = 0;
    }
    printf("report template=%s session_sequence=%" PRIu64 " request=%" PRIu64 " sequence=%" PRIu64,
           tidegate_template_name(header->template_id), head.session_sequence, head.request, head.sequence);
    if (header->template_id == TIDEGATE_TEMPLATE_ORDER_ACCEPTED) {
        struct tidegate_order_accepted accepted;
        if (tidegate_decode(frame, &accepted, sizeof accepted) == 0) {
            printf(" order=%" PRIu64 " price=%" PRId64 " qty=%" PRIu64, accepted.order, accepted.price, accepted.qty);
        }
    } else if (header->template_id == TIDEGATE_TEMPLATE_FILL) {
        struct tidegate_fill fill;
        if (tidegate_decode(frame, &fill, sizeof fill) == 0) {
            printf(" order=%" PRIu64 " price=%" PRId64 " qty=%" PRIu64 " leaves=%" PRIu64 " liquidity=%s", fill.order,
                   fill.price, fill.qty, fill.leaves, tidegate_liquidity_name(fill.liquidity));
        }
    } else if (header->template_id == TIDEGATE_TEMPLATE_ORDER_CANCELLED) {
        struct tidegate_order_cancelled cancelled;
        if (tidegate_decode(frame, &cancelled, sizeof cancelled) == 0) {
            printf(" order=%" PRIu64 " cancelled=%" PRIu64 " reason=%s", cancelled.order, cancelled.cancelled,
                   tidegate_cancel_reason_name(cancelled.reason));
        }
    } else if (header->template_id == TIDEGATE_TEMPLATE_REJECTED) {
        struct tidegate_rejected rejected;
        if (tidegate_decode(frame, &rejected, sizeof rejected) == 0) {
            printf(" reason=%s", tidegate_reject_name(rejected.reason));
        }
    } else if (header->template_id == TIDEGATE_TEMPLATE_OUTCOME) {
        struct tidegate_outcome outcome;
        if (tidegate_decode(frame, &outcome, sizeof outcome) == 0) {
            printf(" original=%" PRIu64 " order=%" PRIu64, outcome.original, outcome.order);
        }
    }
    putchar('\n');
}

static void on_logout(const uint8_t *frame) {
    struct tidegate_logout logout;
    if (tidegate_decode(frame, &logout, sizeof logout) == 0) {
        printf("logout reason=%s resume_after=%" PRIu64 " detail=%.*s\n", tidegate_logout_reason_name(logout.reason),
               logout.resume_after, (int)sizeof logout.detail, logout.detail);
        switch (logout.reason) {
        case TIDEGATE_LOGOUT_REASON_CLIENT_REQUESTED:
        case TIDEGATE_LOGOUT_REASON_TAKEN_OVER:
        case TIDEGATE_LOGOUT_REASON_BAD_SIGNATURE:
        case TIDEGATE_LOGOUT_REASON_UNKNOWN_KEY:
        case TIDEGATE_LOGOUT_REASON_REPLAY_FROM_FUTURE:
            client.is_ended = 1;
            break;
        default:
            break;
        }
    }
    disconnect_();
}

static void on_refused(const uint8_t *frame) {
    struct tidegate_request_refused refused;
    struct request *request;
    if (tidegate_decode(frame, &refused, sizeof refused) != 0) {
        fail("a refusal is too short");
    }
    request = request_of(refused.request);
    /* It used up no number. What came too early, or to a node that ceased to lead, is sent again after the next logon;
     * anything else did not happen and will not. */
    if (request != NULL && refused.reason != TIDEGATE_GATEWAY_REJECT_REPLAY_NOT_DONE &&
        refused.reason != TIDEGATE_GATEWAY_REJECT_NOT_PRIMARY) {
        request->is_unanswered = 0;
    }
    printf("refused request=%" PRIu64 " reason=%s\n", refused.request, tidegate_gateway_reject_name(refused.reason));
}

static void on_frame(const struct tidegate_frame_header *header, const uint8_t *frame) {
    switch (header->template_id) {
    case TIDEGATE_TEMPLATE_CHALLENGE:
        on_challenge(frame);
        return;
    case TIDEGATE_TEMPLATE_LOGON_ACCEPTED:
        on_logon_accepted(frame);
        return;
    case TIDEGATE_TEMPLATE_REPLAY_DONE:
        on_replay_done();
        return;
    case TIDEGATE_TEMPLATE_GAP_FILL: {
        struct tidegate_gap_fill gap;
        if (tidegate_decode(frame, &gap, sizeof gap) != 0) {
            fail("a gap fill is too short");
        }
        advance(gap.first, gap.last);
        printf("gap_fill first=%" PRIu64 " last=%" PRIu64 "\n", gap.first, gap.last);
        return;
    }
    case TIDEGATE_TEMPLATE_TEST_REQUEST: {
        struct tidegate_test_request test;
        if (tidegate_decode(frame, &test, sizeof test) == 0) {
            send_message(TIDEGATE_TEMPLATE_TEST_REPLY, &test, sizeof test);
        }
        return;
    }
    case TIDEGATE_TEMPLATE_REQUEST_REFUSED:
        on_refused(frame);
        return;
    case TIDEGATE_TEMPLATE_NOT_PRIMARY:
        disconnect_();
        return;
    case TIDEGATE_TEMPLATE_LOGOUT:
        on_logout(frame);
        return;
    default:
        if (header->template_id >= TIDEGATE_REPORT_TEMPLATE_FIRST &&
            header->template_id <= TIDEGATE_REPORT_TEMPLATE_LAST) {
            on_report(header, frame);
        }
        /* What is left are markets, heartbeats, and messages that are newer than this program. */
    }
}

static void read_socket(void) {
    struct tidegate_frame_header header;
    size_t done = 0;
    int length;
    ssize_t received = recv(client.socket, client.input + client.input_length,
                            sizeof client.input - client.input_length, 0);
    if (received <= 0) {
        disconnect_();
        return;
    }
    client.last_heard_ms = now_ms();
    client.input_length += (size_t)received;
    while (client.socket >= 0 &&
           (length = tidegate_frame(client.input + done, client.input_length - done, &header)) != 0) {
        if (length < 0) {
            fail("these bytes are not a frame of this protocol");
        }
        on_frame(&header, client.input + done);
        done += (size_t)length;
    }
    if (client.socket >= 0) {
        client.input_length -= done;
        memmove(client.input, client.input + done, client.input_length);
    }
}

/* Keeps a request for as long as it may have to be sent again, and sends it. Its block begins with its number. */
static void submit(uint16_t template_id, void *block, uint16_t block_length) {
    uint64_t number = client.first_request + client.requests_count;
    struct request *request;
    if (client.requests_count == REQUESTS_MAX) {
        fail("more than %d requests", REQUESTS_MAX);
    }
    request = &client.requests[client.requests_count++];
    memcpy(block, &number, sizeof number);
    request->length = tidegate_encode(request->frame, template_id, block, block_length);
    request->is_unanswered = 1;
    printf("sent request=%" PRIu64 "\n", number);
    send_bytes(request->frame, request->length);
}

static uint8_t time_in_force_of(const char *name) {
    if (strcmp(name, "IOC") == 0) {
        return TIDEGATE_TIME_IN_FORCE_IOC;
    }
    return strcmp(name, "FOK") == 0 ? TIDEGATE_TIME_IN_FORCE_FOK : TIDEGATE_TIME_IN_FORCE_GTC;
}

static void on_command(const char *line) {
    char side[8], time_in_force[8];
    uint64_t number, qty;
    int64_t price;
    uint32_t market;
    if (sscanf(line, "new %7s %" SCNu32 " %" SCNd64 " %" SCNu64 " %7s", side, &market, &price, &qty, time_in_force) ==
        5) {
        struct tidegate_new_order order;
        memset(&order, 0, sizeof order);
        order.price = price;
        order.qty = qty;
        order.market = market;
        order.side = strcmp(side, "BUY") == 0 ? TIDEGATE_SIDE_BUY : TIDEGATE_SIDE_SELL;
        order.order_type = TIDEGATE_ORDER_TYPE_LIMIT;
        order.time_in_force = time_in_force_of(time_in_force);
        submit(TIDEGATE_TEMPLATE_NEW_ORDER, &order, sizeof order);
    } else if (sscanf(line, "cancel %" SCNu64, &number) == 1) {
        struct tidegate_cancel_order cancel;
        memset(&cancel, 0, sizeof cancel);
        cancel.target = number;
        cancel.target_kind = TIDEGATE_TARGET_KIND_REQUEST;
        submit(TIDEGATE_TEMPLATE_CANCEL_ORDER, &cancel, sizeof cancel);
    } else if (sscanf(line, "resend %" SCNu64, &number) == 1 && request_of(number) != NULL) {
        request_of(number)->is_unanswered = 1;
        send_bytes(request_of(number)->frame, request_of(number)->length);
    } else if (strcmp(line, "logout") == 0) {
        send_message(TIDEGATE_TEMPLATE_CLIENT_LOGOUT, NULL, 0);
    } else {
        fail("unknown command: %s", line);
    }
}

/* Reads commands; ends the program where there are no more. */
static void read_commands(void) {
    static char lines[4096];
    static size_t length;
    char *end;
    ssize_t received = read(STDIN_FILENO, lines + length, sizeof lines - 1 - length);
    if (received <= 0) {
        client.is_ended = 1;
        return;
    }
    length += (size_t)received;
    lines[length] = '\0';
    while ((end = strchr(lines, '\n')) != NULL) {
        *end = '\0';
        on_command(lines);
        length -= (size_t)(end + 1 - lines);
        memmove(lines, end + 1, length + 1);
    }
    if (length == sizeof lines - 1) {
        fail("a line is longer than %zu bytes", sizeof lines - 1);
    }
}

static void run(void) {
    while (!client.is_ended) {
        struct pollfd ready[2];
        if (client.socket < 0) {
            connect_();
        }
        if (client.socket < 0) {
            poll(NULL, 0, RECONNECT_PAUSE_MS);
            continue;
        }
        ready[0].fd = client.socket;
        ready[0].events = POLLIN;
        ready[0].revents = 0;
        /* Commands wait until the session takes requests. */
        ready[1].fd = client.is_logged_on ? STDIN_FILENO : -1;
        ready[1].events = POLLIN;
        ready[1].revents = 0;
        if (poll(ready, 2, HEARTBEAT_MS / 4) < 0 && errno != EINTR) {
            fail("poll: %s", strerror(errno));
        }
        if (ready[0].revents != 0) {
            read_socket();
        }
        if (client.is_logged_on && ready[1].revents != 0) {
            read_commands();
        }
        if (client.is_logged_on && now_ms() - client.last_sent_ms >= HEARTBEAT_MS / 2) {
            send_message(TIDEGATE_TEMPLATE_HEARTBEAT, NULL, 0);
        }
        if (client.socket >= 0 && now_ms() - client.last_heard_ms > 3 * HEARTBEAT_MS) {
            disconnect_();
        }
    }
}

static EVP_PKEY *read_secret(const char *name) {
    uint8_t bytes[32];
    unsigned byte;
    int at;
    FILE *file = fopen(name, "r");
    EVP_PKEY *secret;
    if (file == NULL) {
        fail("cannot read %s: %s", name, strerror(errno));
    }
    for (at = 0; at < 32; at++) {
        if (fscanf(file, "%2x", &byte) != 1) {
            fail("%s is not a client key: 64 hexadecimal digits", name);
        }
        bytes[at] = (uint8_t)byte;
    }
    fclose(file);
    secret = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof bytes);
    if (secret == NULL) {
        fail("%s is not an Ed25519 key", name);
    }
    return secret;
}

int main(int count, char **arguments) {
    int at;
    if (count < 4 || count - 3 > ADDRESSES_MAX) {
        fail("usage: tidegate_client KEY_ID KEY_FILE HOST:PORT [HOST:PORT ..]");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    client.socket = -1;
    client.key = (uint32_t)strtoul(arguments[1], NULL, 10);
    client.secret = read_secret(arguments[2]);
    for (at = 3; at < count; at++) {
        client.addresses[client.addresses_count++] = arguments[at];
    }
    run();
    EVP_PKEY_free(client.secret);
    return 0;
}
