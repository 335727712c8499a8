import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.OptionalInt;
import postern.v1.Job;
import postern.v1.JobState;

/** Checks the partner in Java: {@code Client EDGE_ADDRESS}, of a stack with its example consumer, such as `postern dev`. */
final class Client {
    private static int failures;

    public static void main(String[] arguments) throws Exception {
        var channel = ManagedChannelBuilder.forTarget(arguments[0]).usePlaintext().build();
        var partner = new Partner(channel, accessToken(arguments[0]));
        var key = "java-" + System.currentTimeMillis() + "-" + ProcessHandle.current().pid();
        var payload = struct("""
                {"account":"interop","reference":"%s","contacts":[{"email":"%<s@example.com","name":"X"}]}""".formatted(key));

        var job = partner.submit("contacts.import", key, payload);
        check("a submitted job is queued", job.getState() == JobState.JOB_STATE_QUEUED, job);
        var again = partner.submit("contacts.import", key, payload);
        check("the same key gives the same job", again.getJobId().equals(job.getJobId()), again);

        checkWatch(partner, job.getJobId());
        checkError(partner, key + "-wrong");
        channel.shutdownNow();
        System.exit(failures == 0 ? 0 : 1);
    }

    private static void checkWatch(Partner partner, String jobId) {
        var seen = new ArrayList<Job>();
        partner.watch(jobId, OptionalInt.empty(), first -> {
            seen.add(first);
            return false;
        });
        partner.watch(jobId, OptionalInt.of(seen.get(0).getRevision()), seen::add);
        var revisions = seen.stream().map(Job::getRevision).toList();
        check("a watch that was cut resumes after the revision it had",
                revisions.equals(revisions.stream().sorted().distinct().toList()), revisions);
        var last = seen.get(seen.size() - 1);
        check("it ends with SUCCEEDED", last.getState() == JobState.JOB_STATE_SUCCEEDED, last);
        var inserted = last.getResult().getFieldsMap().get("inserted");
        check("the result is there", inserted != null && inserted.getNumberValue() == 1, last);
    }

    private static void checkError(Partner partner, String key) throws InvalidProtocolBufferException {
        try {
            partner.submit("contacts.import", key, struct("{\"account\":\"interop\",\"contacts\":[]}"));
            check("a payload that does not fit is refused", false, "accepted");
        } catch (StatusRuntimeException error) {
            check("a payload that does not fit is refused", error.getStatus().getCode() == Status.Code.INVALID_ARGUMENT, error);
            var why = Partner.Why.of(error);
            check("the error gives a reason", why.reason().equals("PAYLOAD_INVALID"), why);
            var isNamed = why.violations().stream()
                    .anyMatch(one -> one.getField().equals("/payload/reference") && one.getReason().equals("REQUIRED"));
            check("the error names the field", isNamed, why);
        }
    }

    private static String accessToken(String edge) throws Exception {
        var form = "grant_type=client_credentials&client_id=acme&client_secret=acme-secret";
        var request = HttpRequest.newBuilder(URI.create("http://" + edge + "/oauth2/token"))
                .header("content-type", "application/x-www-form-urlencoded")
                .POST(BodyPublishers.ofString(form))
                .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        return struct(answer.body()).getFieldsOrThrow("access_token").getStringValue();
    }

    private static Struct struct(String json) throws InvalidProtocolBufferException {
        var struct = Struct.newBuilder();
        JsonFormat.parser().merge(json, struct);
        return struct.build();
    }

    private static void check(String name, boolean holds, Object seen) {
        if (!holds) failures++;
        System.out.println(holds ? "ok " + name : "FAIL " + name + ": " + seen);
    }
}
